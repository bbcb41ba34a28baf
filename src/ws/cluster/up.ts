import { formatAddress } from "../../common/address.ts";
import type { Problem } from "../../common/failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { lookForHeads, refusing } from "../cluster-view.ts";
import type { Driver, Leaving, Request } from "../drivers/driver.ts";
import { interrupted, type WsFailure } from "../failure.ts";
import type { Job } from "../job.ts";
import { withLock } from "../state/lock.ts";
import { keepSecrets } from "../state/secrets.ts";
import { lockFile, takeDown } from "./down.ts";
import type { UpPlan } from "./plan.ts";
import { planCluster } from "./plan.ts";
import { start } from "./start.ts";
import { type ClusterReport, reportCluster } from "./status.ts";
import { ownHeads } from "./where.ts";

export interface UpOptions {
  /** Build every image anew, not only the missing ones. Means nothing where there are no images. */
  readonly build: boolean;
  /** Called with the plan before anything is changed; an error ends the command. */
  readonly agree: (plan: UpPlan) => Promise<Result<void, WsFailure>>;
  /** Called before anything is started, after everything that is no longer wanted has been removed. */
  readonly begin: () => void;
}

export interface UpReport {
  /** Names of the services that this call started; none: everything ran already. */
  readonly started: readonly string[];
  readonly cluster: ClusterReport;
  /** Parts of config.yaml that this machine cannot provide in full. */
  readonly warnings: readonly Problem[];
}

/**
 * Brings what runs in line with config.yaml, and waits until every node is ALIVE. It changes nothing before it has checked
 * that nobody holds what it needs, and before `agree` has accepted the plan for what runs. What it started is gone again
 * where it fails.
 */
export const upCluster = (driver: Driver, job: Job, { build, agree, begin }: UpOptions) =>
  withLock(lockFile(driver), job, async (): Promise<Result<UpReport, WsFailure>> => {
    const asked = driver.until(job.signal);
    const request: Request = { part: "main", head: driver.settings.test.target, build };
    const surveyed = await survey(asked, request);
    if (!surveyed.ok) return surveyed;
    const { plan, leaving, replaces, warnings } = surveyed.value;
    const agreed = await agree(plan);
    if (!agreed.ok) return agreed;
    const prepared = await asked.prepare(request, job);
    if (!prepared.ok) return prepared;
    const cleared = await clear(driver, job, leaving, replaces);
    if (!cleared.ok) return cleared;
    begin();
    const bringBack = keepSecrets(driver.stateDir, driver.name, driver.env);
    const started = await start(driver, request, job);
    if (!started.ok) {
      bringBack();
      return started;
    }
    const cluster = await reportCluster(asked);
    return cluster.ok ? ok({ started: started.value, cluster: cluster.value, warnings }) : cluster;
  });

/** What there is, and what would be done to it. */
async function survey(driver: Driver, request: Request) {
  const found = await driver.list("main");
  if (!found.ok) return found;
  // A cluster that refuses our token would seem to have no HEAD, and be replaced.
  const refusal = refusing(await lookForHeads(ownHeads(driver, found.value)));
  if (refusal !== undefined)
    return err({ reason: "token-refused", at: formatAddress(refusal.address) } as const);
  const surveyed = await driver.survey(request);
  if (!surveyed.ok) return surveyed;
  const planned = await planCluster(driver, found.value, surveyed.value);
  return planned.ok ? ok({ ...surveyed.value, ...planned.value }) : planned;
}

/** Starts the test worker and the test client beside a cluster that is up. `head`: what they are told. */
export const startTest = (driver: Driver, job: Job, head = driver.settings.test.target) =>
  withLock(lockFile(driver), job, async (): Promise<Result<readonly string[], WsFailure>> => {
    const asked = driver.until(job.signal);
    const request: Request = { part: "test", head, build: false };
    const main = await asked.list("main");
    if (!main.ok) return main;
    if (!main.value.some(({ running }) => running))
      return err({ reason: "not-running", what: "The cluster does not run", fix: "Start it first: ws up" });
    const surveyed = await asked.survey(request);
    if (!surveyed.ok) return surveyed;
    const prepared = await asked.prepare(request, job);
    if (!prepared.ok) return prepared;
    const cleared = await clear(driver, job, [...surveyed.value.changed.keys()]);
    return cleared.ok ? start(driver, request, job) : cleared;
  });

/** Removes what would block the start or run on unnoticed. The plan that the user accepted includes it. */
async function clear(
  driver: Driver,
  job: Job,
  names: readonly string[],
  whole?: Driver,
): Promise<Result<void, WsFailure>> {
  const gone =
    whole === undefined
      ? ok(undefined)
      : await stopShown(whole, `the cluster ${whole.settings.projectName}`, {}, job);
  if (gone.ok && names.length > 0) return stopShown(driver, names.join(", "), { names }, job);
  return gone;
}

async function stopShown(
  driver: Driver,
  what: string,
  leaving: Leaving,
  { progress, signal }: Job,
): Promise<Result<void, WsFailure>> {
  progress.begin(what, `Stopping ${what}`);
  const gone = await takeDown(driver, leaving, signal, { progress, id: what });
  if (!gone.ok) return gone;
  progress.done(what, `Stopped ${what}`);
  return signal.aborted ? err(interrupted(signal)) : ok(undefined);
}
