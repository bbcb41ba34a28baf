import type { Failure } from "../../../common/failure.ts";
import type { Config } from "../../config/config.ts";
import type { HealthClient } from "../../lease/health-client.ts";
import type { Event } from "../../output/event.ts";
import type { Plan } from "../command.ts";
import { bytesLeft } from "./disk.ts";
import { isFree } from "./port.ts";
import { checkReachBack } from "./reach-back.ts";
import type { SessionFolder } from "./session-folder.ts";

export interface PreflightDeps {
  readonly config: Config;
  readonly runId: string;
  readonly health: Pick<HealthClient, "reach">;
  readonly log: (event: Event) => void;
}

/** What just ends on this machine lets go of its port in less. */
const PORT_TIMEOUT_MS = 3000;
/** A session's logs take about that much in its first minute. */
const MIN_DISK = 16 * 2 ** 20;
/** What is kept of earlier runs, for debugging: a session holds a few MB of logs, or far more where jobs print much. */
const KEPT_SESSIONS = { count: 2, bytes: 512 * 2 ** 20 };

/** Does what `Ray.prepare` says. */
export async function preflight(
  plan: Plan,
  folder: SessionFolder,
  reported: Promise<void>,
  { log, ...rest }: PreflightDeps,
): Promise<Failure | null> {
  await putAside(folder, log);
  warnOfDisk(folder.path, log);
  const reach = await checkReachBack({ ...rest, reported });
  if (reach !== null) log({ type: "reach-back", ...reach });
  const free = plan.role === "worker" || (await isFree(plan.ready.gcs, PORT_TIMEOUT_MS));
  return free ? null : { reason: "port-taken", address: plan.ready.gcs };
}

async function putAside(folder: SessionFolder, log: PreflightDeps["log"]): Promise<void> {
  const { path } = folder;
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
function warnOfDisk(folder: string, log: PreflightDeps["log"]): void {
  const left = bytesLeft(folder);
  if (left === null || left >= MIN_DISK) return;
  const mib = (left / 2 ** 20).toFixed(1);
  log({
    type: "warning",
    reason: "disk-full",
    what: `the disk of ${folder} has ${mib} MiB left, and Ray may not start`,
    fix: "Make room there, or have Ray use another folder (--temp-dir).",
  });
}
