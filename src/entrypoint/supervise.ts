import { monotonicMs, pause } from "../common/deadline.ts";
import type { Failure } from "../common/failure.ts";
import type { GcsClient } from "../common/gcs/client.ts";
import type { Event } from "./event.ts";
import type { Plan } from "./plan.ts";
import { type Exit, launch, type RayProcess } from "./ray-process.ts";
import { formerIds, type Membership, waitUntilReady } from "./ready.ts";
import { redactCommand } from "./redact.ts";
import { aborted, type StopRequest } from "./stop-request.ts";

/** How one life of the node ended. */
export type NodeEnd = { readonly kind: "stopped" } | { readonly kind: "failed"; readonly failure: Failure };

export interface SuperviseWorld {
  readonly gcs: GcsClient;
  readonly stop: StopRequest;
  readonly log: (event: Event) => void;
  /** Called once, when the cluster lists this node as ALIVE. */
  readonly onReady: (membership: Membership) => void;
}

/** How long the remains of a session may take to die of SIGKILL. */
const CLEAR_TIMEOUT_MS = 5000;

/** Runs the plan, waits until the node is ALIVE, and stays until Ray ends or a stop is asked. Nothing of Ray lives after it. */
export async function supervise(plan: Plan, world: SuperviseWorld): Promise<NodeEnd> {
  const prepared = await runBefore(plan, world);
  if (prepared !== null) return prepared;
  const former = plan.role === "worker" ? await formerIds(world.gcs, plan.ready.nodeName) : new Set<string>();
  world.log({ type: "starting", role: plan.role, command: redactCommand(plan.start) });
  const ray = await launch(plan.start);
  if (!ray.ok) return { kind: "failed", failure: ray.error };
  const end = await live(plan, ray.value, former, world);
  const { killed, clear } = await ray.value.clear(CLEAR_TIMEOUT_MS);
  if (killed > 0) world.log({ type: "cleared", processes: killed, clear });
  return end;
}

/** Installs what is asked for, one after the other. Null when all went well. */
async function runBefore(plan: Plan, world: SuperviseWorld): Promise<NodeEnd | null> {
  for (const command of plan.before) {
    const file = command.args.at(-1) ?? "";
    world.log({ type: "installing", file });
    const pip = await launch(command);
    if (!pip.ok) return { kind: "failed", failure: pip.error };
    const exit = await Promise.race([pip.value.exited, aborted(world.stop.asked)]);
    await pip.value.clear(CLEAR_TIMEOUT_MS);
    if (exit === undefined) return { kind: "stopped" };
    if (exit.code !== 0)
      return { kind: "failed", failure: { reason: "pip-failed", file, exitCode: exit.code ?? 1 } };
  }
  return null;
}

type Turn = { readonly exit: Exit } | { readonly ready: Awaited<ReturnType<typeof waitUntilReady>> } | "stop";

async function live(
  plan: Plan,
  ray: RayProcess,
  former: ReadonlySet<string>,
  world: SuperviseWorld,
): Promise<NodeEnd> {
  const exited = ray.exited.then((exit) => ({ exit }));
  const stop = aborted(world.stop.asked).then(() => "stop" as const);
  const over = new AbortController();
  const looking = waitUntilReady(
    plan.ready,
    world.gcs,
    former,
    AbortSignal.any([over.signal, world.stop.asked]),
  );
  const ready = looking.then((outcome) => (outcome === null ? stop : { ready: outcome }));
  const first: Turn = await Promise.race([exited, stop, ready]);
  over.abort();
  if (first === "stop") return drain(plan, ray, world);
  if ("exit" in first)
    return { kind: "failed", failure: rayExited(first.exit, "before this node was ready") };
  if (first.ready?.ok === false) return { kind: "failed", failure: first.ready.error };
  if (first.ready?.ok) world.onReady(first.ready.value);
  const last = await Promise.race([exited, stop]);
  return last === "stop"
    ? drain(plan, ray, world)
    : { kind: "failed", failure: rayExited(last.exit, "while the node was running") };
}

const rayExited = (exit: Exit, phase: string): Failure => ({
  reason: "ray-exited",
  exitCode: exit.code,
  signal: exit.signal,
  phase,
});

/** Lets Ray drain until its own end, our deadline, or an order to stop now; the rest is killed by the caller. */
async function drain(plan: Plan, ray: RayProcess, world: SuperviseWorld): Promise<NodeEnd> {
  const began = monotonicMs();
  const { stop, log } = world;
  log({ type: "stopping", signal: stop.signal, urgent: stop.urgent.aborted });
  ray.terminate();
  const deadline = new AbortController();
  const late = pause(plan.stop.killAfterMs, deadline.signal).then((waited) => (waited ? "late" : "done"));
  const urgent = aborted(stop.urgent).then(() => "urgent" as const);
  const how = await Promise.race([ray.exited.then(() => "drained" as const), late, urgent]);
  deadline.abort();
  log({ type: "drained", how: how === "done" ? "drained" : how, tookMs: monotonicMs() - began });
  return { kind: "stopped" };
}
