import { expect, test } from "vitest";
import { configOf } from "../../../../test/fixtures/config.ts";
import { LOCAL } from "../../../../test/fixtures/virtual-node.ts";
import { chooseStore, type StoreChoice, storeEnvironment } from "./choice.ts";

const HERE = { RAY_EP_STATE_DIR: "/state" };
const HEAD = { role: "head" } as const;
const KEPT: StoreChoice = { kind: "rocksdb", folder: "/state/gcs" };
const none = (why: Extract<StoreChoice, { kind: "none" }>["why"]): StoreChoice => ({ kind: "none", why });

interface Row {
  readonly vars?: Record<string, string>;
  readonly env?: Record<string, string>;
  readonly version?: string | null;
  readonly stateObstacle?: string;
  readonly byOrder?: boolean;
}

const given = ({ vars = HERE, env = {}, version = "2.60.0", stateObstacle }: Row) => ({
  config: configOf("a", { HEAD_WHITELIST: "a b", ...vars }),
  local: { ...LOCAL, ray: { ...LOCAL.ray, version }, stateObstacle: stateObstacle ?? null },
  env,
});

test.each<[string, Row, StoreChoice]>([
  ["a HEAD with a folder keeps its state", {}, KEPT],
  ["with the first Ray that can", { version: "2.57.0" }, KEPT],
  ["not with an earlier one", { version: "2.56.1" }, none("old-ray")],
  [
    "one of unknown version is taken for a later one, so that nothing kept is put aside",
    { version: null },
    KEPT,
  ],
  ["nor without a folder", { vars: {} }, none("no-folder")],
  ["nor where it cannot be written", { stateObstacle: "EACCES" }, none("unwritable")],
  ["nor where it is not wanted", { vars: { ...HERE, RAY_EP_STATE: "none" } }, none("off")],
  ["nor where Redis keeps it", { env: { RAY_REDIS_ADDRESS: "redis:6379" } }, none("redis")],
  ["nor where the user chose a store", { env: { RAY_gcs_storage: "memory" } }, none("given")],
  ["nor where only the whitelist's order decides", { byOrder: true }, none("no-lease")],
  ["unless nobody else may lead", { byOrder: true, vars: { ...HERE, HEAD_WHITELIST: "a" } }, KEPT],
  ["or the user wants it", { byOrder: true, vars: { ...HERE, RAY_EP_STATE: "rocksdb" } }, KEPT],
])("%s", (_, row, choice) => {
  expect(chooseStore(given(row), { ...HEAD, byOrder: row.byOrder ?? false })).toEqual(choice);
});

const PATIENCE = { RAY_gcs_rpc_server_reconnect_timeout_s: "600" };

test("Ray is told its store, and to wait for a GCS that comes back on every node", () => {
  const store = { RAY_gcs_storage: "rocksdb", RAY_gcs_storage_path: "/state/gcs" };
  expect(storeEnvironment(given({}), chooseStore(given({}), HEAD))).toEqual({ ...PATIENCE, ...store });
  expect(storeEnvironment(given({}), null)).toEqual(PATIENCE);
  for (const row of [{ vars: { RAY_EP_STATE: "none" } }, { version: "2.49.2" }])
    expect(storeEnvironment(given(row), null)).toEqual({});
});
