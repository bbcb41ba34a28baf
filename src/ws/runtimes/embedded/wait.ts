import type { Deadline } from "../../../common/deadline.ts";
import { pause } from "../../../common/deadline.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import { causeOf } from "../causes.ts";
import { lastLines } from "../log-files.ts";
import type { Job } from "../runtime.ts";
import { type EmbeddedCluster, statusOf } from "./cluster.ts";
import type { ProcessPlan } from "./plan.ts";
import { lookAt } from "./readiness.ts";
import { fingerprintOf, logFile } from "./start.ts";
import type { StartedProcess } from "./state.ts";

const LOOK_EVERY_MS = 100;
const LAST_LINES = 20;
/** Ray's words about a cause may stand far above the last ones. */
const CAUSE_LINES = 300;

/** What every wait for a service needs. */
export interface Wait {
  readonly cluster: EmbeddedCluster;
  /** Nodes that the GCS knew before: one of them under the same name is an earlier life. */
  readonly former: ReadonlySet<string>;
  readonly deadline: Deadline;
  readonly job: Job;
}

/** Looks at a process that was started until it is ready, or until there is no sense in waiting on. */
export async function untilReady(
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
    const failure = await hopeless(wait, plan, started, seen.notYet);
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
  plan: ProcessPlan,
  started: StartedProcess,
  seen: string,
): Promise<WsFailure | undefined> {
  const why = hasChanged(plan, started) ? `${seen}; ${changedSince(started)}` : seen;
  if (job.signal.aborted) return interrupted(job.signal);
  if (!cluster.isRunning(started)) return endedEarly(cluster, started.name);
  return deadline.expired() ? tooLate(cluster, started.name, job.timeoutMs, why) : undefined;
}

/** True where a process that runs was told something else than the plan would tell it now. */
export const hasChanged = (plan: ProcessPlan, { fingerprint }: StartedProcess): boolean =>
  fingerprint !== fingerprintOf(plan);

export const changedSince = ({ startedAt }: StartedProcess): string =>
  `config.yaml (or ws itself) changed since it was started at ${new Date(startedAt).toISOString().slice(0, 19)}Z`;

async function endedEarly(cluster: EmbeddedCluster, node: string): Promise<WsFailure> {
  const log = logFile(cluster.folders, node);
  const lines = await lastLines(log, LAST_LINES);
  const cause = causeOf(await statusOf(cluster, node), lines);
  return { reason: "node-ended", node, how: "its process is gone", lines, log, cause };
}

async function tooLate(
  cluster: EmbeddedCluster,
  node: string,
  timeoutMs: number,
  why: string,
): Promise<WsFailure> {
  const said = await lastLines(logFile(cluster.folders, node), CAUSE_LINES);
  const cause = causeOf(await statusOf(cluster, node), said);
  return {
    reason: "not-ready-in-time",
    timeoutMs,
    missing: [{ node, why, lines: said.slice(-LAST_LINES), cause }],
  };
}
