import { err, type Result } from "../../../common/result.ts";
import type { Part } from "../../compose/names.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import { likelyCause } from "../causes.ts";
import { cleaning, type Job } from "../runtime.ts";
import { bringUp } from "./bring-up.ts";
import { type DockerCluster, refused, servicesOf } from "./cluster.ts";
import { type Container, listContainers, sameLife } from "./containers.ts";
import { endingWith } from "./engine.ts";
import { keepLog } from "./kept-logs.ts";
import { dropEmptyNetworks, removeContainers } from "./take-down.ts";

/** Starts what is missing; if that fails, it takes down what it started. */
export async function start(
  cluster: DockerCluster,
  job: Job,
  part: Part,
  env: Readonly<Record<string, string>>,
): Promise<Result<string[], WsFailure>> {
  const asked = endingWith(cluster, job.signal);
  const before = await listContainers(asked, part);
  if (job.signal.aborted) return err(interrupted(job.signal));
  if (!before.ok) return refused(before, likelyCause);
  let brought: Result<string[], WsFailure> | undefined;
  try {
    brought = await bringUp(asked, { part, services: servicesOf(cluster, part), env }, job);
    return brought;
  } finally {
    // A test worker that could not join stays, so that one can look at it; `ws test --down` removes it.
    if (brought === undefined || (!brought.ok && (part === "main" || job.signal.aborted)))
      await cleaning(job, () => undo(cluster, job, part, before.value));
  }
}

/** Lists twice, since the engine may still be working on what compose asked for before it was ended. */
async function undo(
  cluster: DockerCluster,
  { progress }: Job,
  part: Part,
  before: readonly Container[],
): Promise<void> {
  let taken = 0;
  for (const _ of ["first", "second"]) {
    const now = await listContainers(cluster, part);
    const started = now.ok ? now.value.filter((each) => !before.some((old) => sameLife(old, each))) : [];
    if (started.length === 0) continue;
    if (taken === 0) progress.begin("undo", "Taking down what was started");
    taken += started.length;
    await Promise.all(started.map((each) => keepLog(cluster, each.service, each)));
    await removeContainers(cluster, started);
  }
  await dropEmptyNetworks(cluster, part);
  if (taken > 0) progress.done("undo", "Took down what was started");
}
