import { join } from "node:path";
import { deadlineIn } from "../../common/deadline.ts";
import { err, ok } from "../../common/result.ts";
import { HEALTH_NAME } from "../config/settings.ts";
import type { Driver, Leaving } from "../drivers/driver.ts";
import type { Service } from "../drivers/service.ts";
import type { Attempt } from "../failure.ts";
import type { Job, Progress } from "../output/progress.ts";
import { withLock } from "../state/lock.ts";
import { forgetSecrets } from "../state/secrets.ts";
import { headAmong } from "./snapshot.ts";

export interface DownReport {
  readonly stopped: readonly string[];
  readonly killed: number;
}

/** One change of the cluster at a time: a second `ws` waits for the first. */
export const locked = <T>({ stateDir, name }: Driver, job: Job, work: () => Attempt<T>): Attempt<T> =>
  withLock(join(stateDir, name, "lock"), job, work);

/** Stops everything and leaves nothing behind. `anyFolder`: also what another folder's config.yaml of this name started. */
export const downCluster = (driver: Driver, job: Job, { volumes = false, anyFolder = false }) =>
  locked(driver, job, async (): Attempt<DownReport> => {
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
  locked(driver, job, () => takeDown(driver, { part: "test" }, job.signal, showing(job)));

const showing = ({ progress }: Job): Shown => ({ progress, id: "down" });

/** Stops services and leaves nothing of them. An aborted `now` means at once: no draining. */
export async function takeDown(
  driver: Driver,
  leaving: Leaving,
  now: AbortSignal,
  shown?: Shown,
): Attempt<DownReport> {
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
    const stopping = driver.stop(group, now);
    killed += await (shown ? whileStopping(shown, waited, stopping) : stopping);
  }
  return killed;
}

interface Shown {
  readonly progress: Progress;
  readonly id: string;
}

const EACH_MS = 1000;
/** A shorter stop prints no line where lines cannot be redrawn. */
const QUIET_TICKS = 2;

/** While `work` lasts, shows which services a stop waits for, and for how long at most; an aborted `now` ends the wait. */
export async function whileStopping<T>(
  { progress, id }: Shown,
  { names, limitMs, now }: { names: readonly string[]; limitMs: number; now: AbortSignal },
  work: Promise<T>,
): Promise<T> {
  const deadline = deadlineIn(limitMs);
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
    const left = Math.ceil(deadline.remainingMs() / 1000);
    const words = `${names.join(", ")} may finish running work: ${left} s left at most (Ctrl-C ends them at once)`;
    if (ticks === QUIET_TICKS) progress.say(id, words);
    else progress.note(id, words);
  }, EACH_MS);
  const heard = () => progress.say(id, "Not waiting any longer: ending everything at once");
  now.addEventListener("abort", heard, { once: true });
  try {
    return await work;
  } finally {
    clearInterval(timer);
    now.removeEventListener("abort", heard);
    progress.note(id, "");
  }
}
