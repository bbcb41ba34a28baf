import type { Failure } from "../common/failure.ts";
import type { Config } from "./config.ts";
import { bytesLeft } from "./disk.ts";
import type { Event } from "./event.ts";
import type { HealthClient } from "./health-client.ts";
import type { Plan } from "./plan.ts";
import { isFree } from "./port.ts";
import type { Presence } from "./presence.ts";
import { checkReachBack } from "./reach-back.ts";
import type { SessionFolder } from "./session-folder.ts";

export interface BeforeStartWorld {
  readonly config: Config;
  /** Names this run of this process. */
  readonly life: string;
  readonly health: Pick<HealthClient, "reach">;
  readonly log: (event: Event) => void;
  readonly presence: Pick<Presence, "told">;
}

/** What just ends on this machine lets go of its port in less. */
const PORT_TIMEOUT_MS = 3000;
/** A session's logs take about that much in its first minute. */
const LEAST_DISK = 16 * 2 ** 20;
/** What is kept of earlier runs, for debugging: a session holds a few MB of logs, or far more where jobs print much. */
const KEPT_SESSIONS = { count: 2, bytes: 512 * 2 ** 20 };

/** Makes room for a new Ray and looks whether it can start here and be reached. Returns why it cannot start, or null. */
export async function prepareStart(
  plan: Plan,
  folder: SessionFolder,
  world: BeforeStartWorld,
): Promise<Failure | null> {
  const { config, life, health, log, presence } = world;
  await putAside(plan.tempDir, folder, log);
  warnOfDisk(plan.tempDir, log);
  const reach = await checkReachBack({ config, life, client: health, known: presence.told });
  if (reach !== null) log({ type: "reach-back", ...reach });
  const free = plan.role === "worker" || (await isFree(plan.ready.gcs, PORT_TIMEOUT_MS));
  return free ? null : { reason: "port-taken", address: plan.ready.gcs };
}

async function putAside(path: string, folder: SessionFolder, log: BeforeStartWorld["log"]): Promise<void> {
  const { names, obstacle, neighbour } = await folder.prepare(KEPT_SESSIONS);
  if (names.length > 0) log({ type: "sessions-put-aside", folder: path, names });
  if (neighbour)
    log({
      type: "warning",
      what: `another node's Ray uses ${path} as well (two containers that mount it, or two nodes on one machine), so the old sessions in it are kept`,
      fix: "Mount a separate folder there for each container, or give Ray another folder: -- --temp-dir=PATH.",
    });
  if (obstacle !== null)
    log({
      type: "warning",
      what: `sessions of earlier runs in ${path} could not be archived: ${obstacle}`,
      fix: "See that the disk has room and that this user may write there.",
    });
}

/** Ray on a full disk waits a minute for a GCS that could not start, and does not say why (2.60). */
function warnOfDisk(folder: string, log: BeforeStartWorld["log"]): void {
  const left = bytesLeft(folder);
  if (left === null || left >= LEAST_DISK) return;
  const mib = (left / 2 ** 20).toFixed(1);
  log({
    type: "warning",
    reason: "disk-full",
    what: `the disk of ${folder} has ${mib} MiB left, and Ray may not start`,
    fix: "Make room there, or have Ray use another folder (--temp-dir).",
  });
}
