import { type Deadline, deadlineIn, pause } from "../../../common/deadline.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import { viewCluster } from "../../cluster-view.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import { leaseHolder } from "../ask-health.ts";
import { lateCause } from "../late-cause.ts";
import type { Job } from "../runtime.ts";
import { likelyCause } from "./causes.ts";
import type { EmbeddedCluster } from "./cluster.ts";
import { findTakenPorts } from "./free-ports.ts";
import { lastLines } from "./logs.ts";
import type { ProcessPlan } from "./plan.ts";
import { lookAt } from "./readiness.ts";
import { logFile, startProcess } from "./start.ts";
import { recordStarted, type StartedProcess } from "./state.ts";

const LOOK_EVERY_MS = 100;
const LAST_LINES = 20;
/** What a node said first shows why it waits, and a long wait has many lines. */
const CAUSE_LINES = 300;

/**
 * Starts what `plans` name, in their order, and waits until each is ready: the health service when it answers, a node when
 * the GCS lists a new node of that name as ALIVE. The first failure ends the wait for all. Nothing is taken down here.
 */
export async function bringUp(
  cluster: EmbeddedCluster,
  plans: readonly ProcessPlan[],
  job: Job,
): Promise<Result<void, WsFailure>> {
  const taken = await findTakenPorts(plans.flatMap(({ ports }) => ports));
  if (taken.length > 0) return err({ reason: "ports-taken", ports: taken });
  const failed = new AbortController();
  const wait: Wait = {
    cluster,
    former: await knownNodeIds(cluster),
    deadline: deadlineIn(job.timeoutMs),
    job: { ...job, signal: AbortSignal.any([job.signal, failed.signal]) },
  };
  let failure: WsFailure | undefined;
  const fail = (reason: WsFailure) => {
    failure ??= reason;
    failed.abort();
  };
  const waiting: Promise<void>[] = [];
  for (const plan of plans) {
    if (wait.job.signal.aborted) break;
    const started = startOne(cluster, plan, job);
    if (!started.ok) {
      fail(started.error);
      break;
    }
    const ready = untilReady(wait, plan, started.value).then((each) =>
      each.ok ? undefined : fail(each.error),
    );
    waiting.push(ready);
    if (plan.kind === "health") await ready;
    // The first candidate asks for the lease before the next one starts: the order of the whitelist is a preference.
    else await untilHeadIsSettled(cluster, started.value, wait.job.signal);
  }
  await Promise.all(waiting);
  if (job.signal.aborted) return err(interrupted(job.signal));
  return failure === undefined ? ok(undefined) : err(failure);
}

/** What every wait for a service needs. */
interface Wait {
  readonly cluster: EmbeddedCluster;
  /** Nodes that the GCS knew before: one of them under the same name is an earlier life. */
  readonly former: ReadonlySet<string>;
  readonly deadline: Deadline;
  readonly job: Job;
}

async function knownNodeIds(cluster: EmbeddedCluster): Promise<ReadonlySet<string>> {
  const view = await viewCluster(cluster.headAddresses, cluster.token);
  return new Set(view?.nodes.map(({ nodeId }) => nodeId));
}

function startOne(
  { folders, env }: EmbeddedCluster,
  plan: ProcessPlan,
  { progress }: Job,
): Result<StartedProcess, WsFailure> {
  progress.begin(plan.name, `${plan.name} at ${plan.address}`);
  const started = startProcess(plan, folders, env);
  if (started === undefined) {
    progress.fail(plan.name, `${plan.name} could not be started`);
    const log = logFile(folders, plan.name);
    return err({ reason: "node-ended", node: plan.name, how: "at once", lines: [], log, cause: undefined });
  }
  recordStarted(folders.stateFile, started);
  return ok(started);
}

async function untilReady(
  wait: Wait,
  plan: ProcessPlan,
  started: StartedProcess,
): Promise<Result<void, WsFailure>> {
  const { cluster, former, job } = wait;
  for (;;) {
    const seen = await lookAt(cluster, plan, former);
    if ("ready" in seen) {
      job.progress.done(plan.name, `${plan.name} at ${plan.address}: ${seen.ready}`);
      return ok(undefined);
    }
    job.progress.note(plan.name, seen.notYet);
    const failure = await hopeless(wait, started, seen.notYet);
    if (failure !== undefined) {
      job.progress.fail(plan.name, `${plan.name} at ${plan.address}: ${seen.notYet}`);
      return err(failure);
    }
    await pause(LOOK_EVERY_MS, job.signal);
  }
}

/** Why waiting on makes no sense; undefined while it does. */
async function hopeless(
  { cluster, deadline, job }: Wait,
  started: StartedProcess,
  why: string,
): Promise<WsFailure | undefined> {
  if (job.signal.aborted) return interrupted(job.signal);
  if (!cluster.isRunning(started)) return endedEarly(cluster, started.name);
  return deadline.expired() ? tooLate(cluster, started.name, job.timeoutMs, why) : undefined;
}

/** Returns when some node holds the head lease or a GCS answers, or when the started one cannot get there any more. */
async function untilHeadIsSettled(
  cluster: EmbeddedCluster,
  started: StartedProcess,
  signal: AbortSignal,
): Promise<void> {
  const deadline = deadlineIn(cluster.settings.waitForHeadMs);
  while (!signal.aborted && !deadline.expired() && cluster.isRunning(started)) {
    if ((await leaseHolder(cluster.healthUrl)) !== undefined) return;
    if ((await viewCluster(cluster.headAddresses, cluster.token)) !== undefined) return;
    await pause(LOOK_EVERY_MS, signal);
  }
}

async function endedEarly({ folders }: EmbeddedCluster, node: string): Promise<WsFailure> {
  const log = logFile(folders, node);
  const lines = await lastLines(log, LAST_LINES);
  return { reason: "node-ended", node, how: "its process is gone", lines, log, cause: likelyCause(lines) };
}

async function tooLate(
  { folders }: EmbeddedCluster,
  node: string,
  timeoutMs: number,
  why: string,
): Promise<WsFailure> {
  const said = await lastLines(logFile(folders, node), CAUSE_LINES);
  const cause = lateCause(node, said, likelyCause);
  return {
    reason: "not-ready-in-time",
    timeoutMs,
    missing: [{ node, why, lines: said.slice(-LAST_LINES), cause }],
  };
}
