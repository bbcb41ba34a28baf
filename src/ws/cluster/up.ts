import type { Problem } from "../../common/failure.ts";
import { err, ok } from "../../common/result.ts";
import type { Driver, Leaving, Request, Survey } from "../drivers/driver.ts";
import { type Attempt, interrupted } from "../failure.ts";
import type { Job } from "../output/progress.ts";
import { keepSecrets } from "../state/secrets.ts";
import { locked, takeDown } from "./down.ts";
import { planCluster, type UpPlan } from "./plan.ts";
import { gcsOf } from "./snapshot.ts";
import { start } from "./start.ts";

export interface UpOptions {
  /** Build every image anew, not only the missing ones. Means nothing where there are no images. */
  readonly build: boolean;
  /** Called with the plan before anything is changed; an error ends the command. */
  readonly agree: (plan: UpPlan) => Attempt;
  /** Called before anything is started, after everything that is no longer wanted has been removed. */
  readonly begin: () => void;
}

/**
 * Brings what runs in line with config.yaml, and waits until every node is ALIVE. It changes nothing before `agree` has
 * accepted the plan. What it started is gone again where it fails.
 */
export const upCluster = (driver: Driver, job: Job, { build, agree, begin }: UpOptions) =>
  locked(driver, job, async (): Attempt<{ started: string[]; warnings: readonly Problem[] }> => {
    const asked = driver.until(job.signal);
    const request: Request = { part: "main", head: driver.settings.test.target, build };
    const surveyed = await asked.survey(request);
    if (!surveyed.ok) return surveyed;
    const { there } = surveyed.value;
    // Such a cluster would seem to have no HEAD, and be replaced.
    const { noHead } = await gcsOf(asked, there);
    if (noHead?.reason === "wants-token") return err({ reason: "token-refused", at: noHead.at });
    const planned = await planCluster(asked, there, surveyed.value);
    if (!planned.ok) return planned;
    const agreed = await agree(planned.value.plan);
    if (!agreed.ok) return agreed;
    const { leaving } = planned.value;
    const ready = await makeRoom(driver, request, job, leaving, surveyed.value);
    if (!ready.ok) return ready;
    begin();
    const bringBack = keepSecrets(driver.stateDir, driver.name, driver.secrets);
    const known = isUntouched(leaving, surveyed.value) ? there : undefined;
    const started = await start(driver, request, job, known);
    if (started.ok) return ok({ started: started.value, warnings: surveyed.value.warnings });
    bringBack();
    return started;
  });

const isUntouched = (leaving: readonly string[], { replaces }: Survey): boolean =>
  leaving.length === 0 && replaces === undefined;

/** Starts the test worker and the test client beside a cluster that is up. `head`: what they are told. */
export const startTest = (driver: Driver, job: Job, head = driver.settings.test.target) =>
  locked(driver, job, async (): Attempt<readonly string[]> => {
    const asked = driver.until(job.signal);
    const request: Request = { part: "test", head, build: false };
    const main = await asked.list("main");
    if (!main.ok) return main;
    if (!main.value.some(({ running }) => running))
      return err({ reason: "not-running", what: "The cluster does not run", fix: "Start it first: ws up" });
    const surveyed = await asked.survey(request);
    if (!surveyed.ok) return surveyed;
    const ready = await makeRoom(driver, request, job, [...surveyed.value.changed.keys()], surveyed.value);
    return ready.ok ? start(driver, request, job) : ready;
  });

/** Gets what takes minutes, then removes what is in the way: these services, and a cluster as a whole. */
async function makeRoom(
  driver: Driver,
  request: Request,
  job: Job,
  names: readonly string[],
  survey: Survey,
): Attempt {
  const prepared = await driver.until(job.signal).prepare(request, survey, job);
  if (!prepared.ok) return prepared;
  const whole = survey.replaces;
  const gone = whole ? await clear(whole, `the cluster ${whole.settings.projectName}`, {}, job) : prepared;
  return gone.ok && names.length > 0 ? clear(driver, names.join(", "), { names }, job) : gone;
}

async function clear(driver: Driver, what: string, leaving: Leaving, { progress, signal }: Job): Attempt {
  progress.begin(what, `Stopping ${what}`);
  const gone = await takeDown(driver, leaving, signal, { progress, id: what });
  if (!gone.ok) return gone;
  progress.done(what, `Stopped ${what}`);
  return signal.aborted ? err(interrupted(signal)) : ok(undefined);
}
