import { monotonicMs, pause } from "../common/deadline.ts";
import type { Failure } from "../common/failure.ts";
import type { GcsClient } from "../common/gcs/client.ts";
import type { Event } from "./event.ts";
import type { Guard } from "./guard.ts";
import { watchHeadInStart } from "./head-in-start.ts";
import { openWatcher } from "./look.ts";
import type { Plan } from "./plan.ts";
import { type Exit, launch, type RayProcess } from "./ray-process.ts";
import { type IsNew, type Membership, tellNew, waitUntilReady } from "./ready.ts";
import { redactCommand } from "./redact.ts";
import { Search } from "./search.ts";
import type { Settled } from "./settle.ts";
import { aborted, type StopRequest } from "./stop-request.ts";
import { judge, type Look, NO_SIGNS, type Trouble } from "./watch.ts";

/** How one run of Ray on this node ended. */
export type RunEnd =
  | { readonly kind: "stopped" }
  /** It never became ready. */
  | { readonly kind: "failed"; readonly failure: Failure }
  /** It was ready and could not go on. */
  | { readonly kind: "trouble"; readonly trouble: Trouble }
  /** Its HEAD is out of reach, and this node's next role is known. */
  | { readonly kind: "moved"; readonly settled: Settled };

export interface SuperviseWorld {
  readonly gcs: GcsClient;
  readonly stop: StopRequest;
  readonly log: (event: Event) => void;
  /** Called once, when the cluster lists this node as ALIVE. */
  readonly onReady: (membership: Membership) => void;
  /** Called with each look at which the HEAD's GCS answers. */
  readonly onHeadSeen: () => void;
  /** Called with each look at which the node's own cluster counts it as living. */
  readonly onAlive: (membership: Membership) => void;
  /** Resolves when this node may not go on in its role, whatever its Ray does; never otherwise. */
  readonly deposed: Promise<RunEnd>;
  /** Called when nothing of an earlier Ray lives any more and the next one is about to start. */
  readonly beforeStart: () => Promise<void>;
  /** Sets a guard beside a session of Ray's that has just begun. */
  readonly guard: (session: number) => Pick<Guard, "dismiss">;
  /** Called when an asked-for stop begins. */
  readonly onStop: () => void;
  /** Looks for the HEAD while this node's Ray still runs; resolves with a role, a failure or a stop. */
  readonly seek: (signal: AbortSignal) => Promise<Settled>;
  readonly watchEveryMs: number;
}

/** How long the remains of a session may take to die of SIGKILL. */
const CLEAR_TIMEOUT_MS = 5000;

/**
 * Runs the plan: start → until ALIVE → watch → end. Nothing of Ray lives after it.
 * Resolves only when this run is over; what comes next is the caller's to decide.
 */
export async function supervise(plan: Plan, world: SuperviseWorld): Promise<RunEnd> {
  await world.beforeStart();
  const isNew = await tellNew(plan, world.gcs);
  world.log({ type: "starting", role: plan.role, command: redactCommand(plan.start) });
  const ray = await launch(plan.start);
  if (!ray.ok) return { kind: "failed", failure: ray.error };
  const guard = world.guard(ray.value.session);
  const end = await live(plan, ray.value, isNew, world);
  const { killed, clear } = await ray.value.clear(CLEAR_TIMEOUT_MS);
  await guard.dismiss();
  if (killed > 0) world.log({ type: "cleared", processes: killed, clear });
  return end;
}

/** From the start of Ray to the first reason to end it. */
async function live(plan: Plan, ray: RayProcess, isNew: IsNew, world: SuperviseWorld): Promise<RunEnd> {
  const began = monotonicMs();
  const over = new AbortController();
  const exited = ray.exited.then((exit) => ({ exit }));
  const stop = aborted(world.stop.asked).then(() => "stop" as const);
  try {
    const either = AbortSignal.any([over.signal, world.stop.asked]);
    const ready = waitUntilReady(plan.ready, world.gcs, isNew, either).then(
      (outcome) => outcome ?? ("stop" as const),
    );
    // Also a HEAD that is only starting gives way: its GCS serves seconds before the node is ready.
    const headless = headlessInStart(plan, world, either);
    const first = await Promise.race([exited, stop, world.deposed, headless, ready]);
    if (first === "stop") return drain(plan, ray, world);
    if ("kind" in first) return first;
    if ("exit" in first) return { kind: "failed", failure: exitedEarly(first.exit, monotonicMs() - began) };
    if (!first.ok) return { kind: "failed", failure: first.error };
    world.onReady(first.value);
    const watched = watch(plan, ray, first.value, world, over.signal);
    const last = await Promise.race([exited, stop, watched, world.deposed]);
    if (last === "stop") return drain(plan, ray, world);
    return "exit" in last
      ? { kind: "trouble", trouble: { kind: "ray-exited", exit: describeExit(last.exit) } }
      : last;
  } finally {
    over.abort();
  }
}

/** Resolves when a WORKER lost its HEAD; a HEAD has none to lose. */
async function headlessInStart(plan: Plan, world: SuperviseWorld, signal: AbortSignal): Promise<RunEnd> {
  if (plan.role === "head") return new Promise(() => {});
  return { kind: "trouble", trouble: await watchHeadInStart(world.gcs, world.watchEveryMs, signal) };
}

const exitedEarly = ({ code, signal }: Exit, ranMs: number): Failure => ({
  reason: "ray-exited",
  exitCode: code,
  signal,
  ranMs,
});

const describeExit = ({ code, signal }: Exit): string =>
  signal === null ? `exit code ${code}` : `signal ${signal}`;

/** Looks each second until something is wrong; a HEAD out of reach starts a search beside the looking. */
async function watch(
  plan: Plan,
  ray: RayProcess,
  membership: Membership,
  world: SuperviseWorld,
  over: AbortSignal,
): Promise<RunEnd> {
  const watcher = openWatcher(world.gcs, membership, ray.session);
  const search = new Search((signal) => world.seek(AbortSignal.any([signal, over])), membership);
  let signs = NO_SIGNS;
  while (await pause(world.watchEveryMs, over)) {
    const look = await watcher.look();
    if (look.gcs.kind === "serves") world.onHeadSeen();
    if (isAlive(look, membership)) world.onAlive(membership);
    const { verdict, signs: next } = judge(signs, look, plan, membership.clusterId);
    signs = next;
    if (verdict.kind === "trouble") return { kind: "trouble", trouble: verdict.trouble };
    const lost = verdict.kind === "head-out-of-reach" ? verdict.cause : null;
    if (search.found !== null) return { kind: "moved", settled: search.found };
    if (search.follow(lost !== null))
      world.log({ type: "head-out-of-reach", head: plan.ready.gcs, cause: lost });
  }
  return new Promise(() => {});
}

const isAlive = ({ gcs }: Look, { clusterId }: Membership): boolean =>
  gcs.kind === "serves" && gcs.alive && gcs.clusterId === clusterId;

/** Lets Ray drain until its own end, our deadline, or an order to stop now; the rest is killed by the caller. */
async function drain(plan: Plan, ray: RayProcess, world: SuperviseWorld): Promise<RunEnd> {
  const began = monotonicMs();
  const { stop, log } = world;
  world.onStop();
  log({ type: "stopping", signal: stop.signal, urgent: stop.urgent.aborted });
  ray.terminate();
  const over = new AbortController();
  const late = pause(plan.stop.killAfterMs, over.signal).then(() => "late" as const);
  const urgent = aborted(stop.urgent).then(() => "urgent" as const);
  const how = await Promise.race([ray.exited.then(() => "drained" as const), late, urgent]);
  over.abort();
  log({ type: "drained", how, tookMs: monotonicMs() - began });
  return { kind: "stopped" };
}
