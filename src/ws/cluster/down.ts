import { join } from "node:path";
import { err, ok, type Result } from "../../common/result.ts";
import { HEALTH_NAME } from "../config/settings.ts";
import type { Driver, Leaving, Service } from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import type { Job } from "../job.ts";
import { withLock } from "../state/lock.ts";
import { forgetSecrets } from "../state/secrets.ts";
import { headAmong } from "./where.ts";
import { type Shown, whileStopping } from "./while-stopping.ts";

export interface DownOptions {
  readonly volumes: boolean;
  /** Also what was started from another folder's config.yaml under the same project.name. */
  readonly anyFolder: boolean;
}

export interface DownReport {
  /** Names of the services that were stopped. */
  readonly stopped: readonly string[];
  /** How many processes or containers had to be killed. */
  readonly killed: number;
}

/** One change of the cluster at a time: a second `ws` waits for the first. */
export const lockFile = ({ stateDir, name }: Driver): string => join(stateDir, name, "lock");

/** Stops everything and leaves nothing behind. */
export const downCluster = (driver: Driver, job: Job, { volumes, anyFolder }: DownOptions) =>
  withLock(lockFile(driver), job, async (): Promise<Result<DownReport, WsFailure>> => {
    const found = await driver.list();
    if (!found.ok) return found;
    const folders = [...new Set(found.value.flatMap(({ elsewhere }) => elsewhere ?? []))];
    if (folders.length > 0 && !anyFolder)
      return err({ reason: "started-elsewhere", project: driver.settings.projectName, folders });
    const report = await takeDown(driver, { volumes }, job.signal, showing(job));
    if (volumes && report.ok) forgetSecrets(driver.stateDir, driver.name);
    return report;
  });

/** Stops the test worker and the test client, and leaves the cluster alone. */
export const stopTest = (driver: Driver, job: Job) =>
  withLock(lockFile(driver), job, () => takeDown(driver, { part: "test" }, job.signal, showing(job)));

const showing = ({ progress }: Job): Shown => ({ progress, id: "down" });

/** Stops services and leaves nothing of them. An aborted `now` means at once: no draining. */
export async function takeDown(
  driver: Driver,
  leaving: Leaving,
  now: AbortSignal,
  shown?: Shown,
): Promise<Result<DownReport, WsFailure>> {
  const found = await driver.list(leaving.part);
  if (!found.ok) return found;
  const asked = found.value.filter(({ name }) => leaving.names?.includes(name) ?? true);
  const killed = await stopInOrder(driver, asked, now, shown);
  // A killed `ws` may have left a compose that went on until just now: what it made since is removed as well.
  const removed = await driver.remove(leaving);
  if (!removed.ok) return removed;
  const names = new Set([...asked.map(({ name }) => name), ...removed.value.names]);
  return ok({ stopped: [...names], killed: killed + removed.value.killed });
}

/** Workers leave while their HEAD still answers, the HEAD while it can still release its lease. Returns how many had to be killed. */
async function stopInOrder(
  driver: Driver,
  services: readonly Service[],
  now: AbortSignal,
  shown: Shown | undefined,
): Promise<number> {
  const active = services.filter((each) => each.active);
  const head = await headAmong(driver, active);
  const placeOf = (each: Service) => (each.name === HEALTH_NAME ? 2 : each === head ? 1 : 0);
  let killed = 0;
  for (const place of [0, 1, 2]) {
    const group = active.filter((each) => placeOf(each) === place);
    if (group.length === 0 || now.aborted) continue;
    const waited = { names: group.map(({ name }) => name), limitMs: driver.stopGraceMs, now };
    killed += await whileStopping(shown, waited, driver.stop(group, now));
  }
  return killed;
}
