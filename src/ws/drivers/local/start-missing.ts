import { ok, type Result } from "../../../common/result.ts";
import type { WsFailure } from "../../failure.ts";
import { cleaning, type Job } from "../runtime.ts";
import { bringUp } from "./bring-up.ts";
import type { EmbeddedCluster } from "./cluster.ts";
import { makeFolders } from "./folders.ts";
import type { ProcessPlan } from "./plan.ts";
import { takeDown } from "./take-down.ts";
import { hasChanged } from "./wait.ts";

/**
 * Starts those that do not run; what an earlier life of them left is cleared first. Then waits until all of them are ready,
 * those that ran before as well. On failure, what was started is gone again.
 */
export async function startMissing(
  cluster: EmbeddedCluster,
  plans: readonly ProcessPlan[],
  job: Job,
): Promise<Result<string[], WsFailure>> {
  const running = new Set(cluster.running().map(({ name }) => name));
  const names = plans.map(({ name }) => name).filter((name) => !running.has(name));
  if (names.length > 0) {
    const cleared = await takeDown(cluster, names, job.urgent);
    if (!cleared.ok) return cleared;
    const made = makeFolders(cluster.folders);
    if (!made.ok) return made;
  }
  let brought: Result<void, WsFailure> | undefined;
  try {
    brought = await bringUp(cluster, plans, job);
    return brought.ok ? ok(names) : brought;
  } finally {
    // Also where something was thrown, such as the disk being full.
    if (brought?.ok !== true && names.length > 0) await cleaning(job, () => undo(cluster, names, job));
  }
}

async function undo(cluster: EmbeddedCluster, names: readonly string[], job: Job): Promise<void> {
  job.progress.begin("undo", "Taking down what was started");
  const gone = await takeDown(cluster, names, job.urgent);
  if (gone.ok) job.progress.done("undo", "Took down what was started");
  else job.progress.fail("undo", "What was started is not all gone; → ws down");
}

/** A worker that was told another HEAD has to be told anew. */
export async function restartIfTold(
  cluster: EmbeddedCluster,
  plans: readonly ProcessPlan[],
  job: Job,
): Promise<void> {
  const changed = plans.filter((plan) =>
    cluster.running().some((started) => started.name === plan.name && hasChanged(plan, started)),
  );
  await takeDown(
    cluster,
    changed.map(({ name }) => name),
    job.signal,
  );
}
