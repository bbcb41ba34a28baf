import { join } from "node:path";
import { releaseOf } from "../../../common/auth-token.ts";
import type { Environment } from "../../../common/environment.ts";
import type { Config } from "../../config/config.ts";
import type { LocalFact } from "../../config/local.ts";
import type { Role } from "../../election/role.ts";

interface Given {
  readonly config: Config;
  readonly local: LocalFact;
  readonly env: Environment;
}

/** Where a HEAD keeps its cluster's state, or why nowhere. */
export type StoreChoice =
  | { readonly kind: "rocksdb"; readonly folder: string }
  | { readonly kind: "none"; readonly why: keyof typeof WHY_NONE };

const WHY_NONE = {
  off: "RAY_EP_STATE=none",
  redis: "RAY_REDIS_ADDRESS is set, and Redis keeps it",
  given: "RAY_gcs_storage is set, and this program leaves it alone",
  "old-ray": "Ray has a store of its own from 2.57 on",
  "no-folder": "RAY_EP_STATE_DIR names no folder",
  unwritable: "the folder of RAY_EP_STATE_DIR cannot be written",
  "no-lease": "the health service keeps no lease, so nobody knows whether another node has led since",
} as const;

export const renderStore = (store: StoreChoice): string =>
  store.kind === "none" ? `not kept: ${WHY_NONE[store.why]}` : `kept in ${store.folder}`;

/** The first Ray with that store (RAY_gcs_storage). */
const FIRST_RELEASE = 2057;

/** True also where the version is not known: an earlier Ray reads none of this, and what was kept is not lost for that. */
const hasStore = ({ local }: Given): boolean => releaseOf(local.ray.version, FIRST_RELEASE) >= FIRST_RELEASE;

/** Whether this node, as HEAD, keeps its cluster's state in a RocksDB below RAY_EP_STATE_DIR. Pure. */
export function chooseStore(given: Given, { byOrder = false }: Extract<Role, { role: "head" }>): StoreChoice {
  const { config, local, env } = given;
  const { RAY_EP_STATE: wanted, RAY_EP_STATE_DIR: folder } = config.values;
  const none = (why: keyof typeof WHY_NONE): StoreChoice => ({ kind: "none", why });
  if (wanted === "none") return none("off");
  if (env.RAY_REDIS_ADDRESS) return none("redis");
  if (env.RAY_gcs_storage) return none("given");
  if (!hasStore(given)) return none("old-ray");
  if (folder === null) return none("no-folder");
  if (local.stateObstacle !== null) return none("unwritable");
  if (wanted === "auto" && byOrder && config.whitelist.length > 1) return none("no-lease");
  return { kind: "rocksdb", folder: join(folder, STORE) };
}

/** Below RAY_EP_STATE_DIR. */
export const STORE = "gcs";

/**
 * How long Ray's processes wait for a GCS that comes back, where RAY_gcs_rpc_server_reconnect_timeout_s is not given: the
 * same cluster may answer after minutes, and this program itself notices one that does not (docs/deciding.md).
 */
const RECONNECT_S = "600";

/** What Ray is told so that its state outlives it (ray_config_def.h, 2.57 to 2.60); `store`: a HEAD's, else null. Pure. */
export function storeEnvironment(input: Given, store: StoreChoice | null): Record<string, string> {
  if (input.config.values.RAY_EP_STATE === "none" || !hasStore(input)) return {};
  const patience = { RAY_gcs_rpc_server_reconnect_timeout_s: RECONNECT_S };
  if (store?.kind !== "rocksdb") return patience;
  return { ...patience, RAY_gcs_storage: "rocksdb", RAY_gcs_storage_path: store.folder };
}
