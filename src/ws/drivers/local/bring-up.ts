import { deadlineIn } from "../../../common/deadline.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import { untilLed } from "../../cluster/until-led.ts";
import { viewCluster } from "../../cluster-view.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import type { Job } from "../runtime.ts";
import type { EmbeddedCluster } from "./cluster.ts";
import { findTakenPorts } from "./free-ports.ts";
import type { ProcessPlan } from "./plan.ts";
import { logFile, startProcess } from "./start.ts";
import { recordStarted, type StartedProcess } from "./state.ts";
import { untilReady, type Wait } from "./wait.ts";

/**
 * Starts those of `plans` that do not run, in their order, and waits until each is ready, also those that ran before: the
 * health service when it answers, a node when the GCS lists it as ALIVE, and one that was started now as a new node.
 * The first failure ends the wait for all. Nothing is taken down here.
 */
export async function bringUp(
  cluster: EmbeddedCluster,
  plans: readonly ProcessPlan[],
  job: Job,
): Promise<Result<void, WsFailure>> {
  const running = new Map(cluster.running().map((each) => [each.name, each]));
  const missing = plans.filter(({ name }) => !running.has(name));
  const taken = await findTakenPorts(missing.flatMap(({ ports }) => ports));
  if (taken.length > 0) return err({ reason: "ports-taken", ports: taken });
  const failed = new AbortController();
  let failure: WsFailure | undefined;
  const fail = (reason: WsFailure) => {
    failure ??= reason;
    failed.abort();
  };
  const wait: Wait = {
    cluster,
    former: missing.length === 0 ? new Set() : await knownNodeIds(cluster),
    deadline: deadlineIn(job.timeoutMs),
    job: { ...job, signal: AbortSignal.any([job.signal, failed.signal]) },
  };
  await bringUpAll(wait, plans, running, fail);
  if (job.signal.aborted) return err(interrupted(job.signal));
  return failure === undefined ? ok(undefined) : err(failure);
}

async function bringUpAll(
  wait: Wait,
  plans: readonly ProcessPlan[],
  running: ReadonlyMap<string, StartedProcess>,
  fail: (reason: WsFailure) => void,
): Promise<void> {
  const { cluster, job } = wait;
  const waiting: Promise<void>[] = [];
  for (const plan of plans) {
    if (job.signal.aborted) break;
    const before = running.get(plan.name);
    job.progress.begin(plan.name, `${plan.name} at ${plan.address}`);
    const started = before === undefined ? startOne(cluster, plan, job) : ok(before);
    if (!started.ok) {
      fail(started.error);
      break;
    }
    // Of one that ran before, the GCS may know the node already.
    const own = before === undefined ? wait : { ...wait, former: new Set<string>() };
    const ready = untilReady(own, plan, started.value).then((each) =>
      each.ok ? undefined : fail(each.error),
    );
    waiting.push(ready);
    if (plan.kind === "health") await ready;
    // The first candidate asks for the lease before the next one starts: the order of the whitelist is a preference.
    else if (before === undefined)
      await untilLed(cluster, job.signal, () => cluster.isRunning(started.value));
  }
  await Promise.all(waiting);
}

async function knownNodeIds(cluster: EmbeddedCluster): Promise<ReadonlySet<string>> {
  const view = await viewCluster(cluster);
  return new Set(view?.nodes.map(({ nodeId }) => nodeId));
}

function startOne(
  { folders, env }: EmbeddedCluster,
  plan: ProcessPlan,
  { progress }: Job,
): Result<StartedProcess, WsFailure> {
  const started = startProcess(plan, folders, env);
  if (started === undefined) {
    progress.fail(plan.name, `${plan.name} could not be started`);
    const log = logFile(folders, plan.name);
    return err({ reason: "node-ended", node: plan.name, how: "at once", lines: [], log, cause: undefined });
  }
  recordStarted(folders.stateFile, started);
  return ok(started);
}
