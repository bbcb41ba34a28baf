import { monotonicMs, pause } from "../common/deadline.ts";
import type { Failure } from "../common/failure.ts";
import type { Event } from "./event.ts";
import { type HeadGoneSettings, untilHeadGone } from "./head-gone.ts";
import type { OwnGcs } from "./own-gcs.ts";
import type { Plan } from "./plan.ts";
import { type Exit, launch, type RayProcess } from "./ray-process.ts";
import { type Membership, waitUntilReady } from "./ready.ts";
import { redactCommand } from "./redact.ts";
import type { Settled } from "./settle.ts";
import { aborted, type StopRequest } from "./stop-request.ts";
import type { Trouble } from "./watch.ts";
import { watchNode } from "./watch-node.ts";

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
  readonly gcs: OwnGcs;
  readonly stop: StopRequest;
  readonly log: (event: Event) => void;
  /** Called once, when the cluster lists this node as ALIVE. */
  readonly onReady: (membership: Membership) => void;
  /** Called whenever the HEAD's GCS answers. */
  readonly onHeadSeen: () => void;
  /** Called with each look at which the node's own cluster counts it as living. */
  readonly onAlive: (membership: Membership) => void;
  /** Resolves when this node may not go on in its role, whatever its Ray does; never otherwise. */
  readonly deposed: Promise<RunEnd>;
  /** Called when nothing of an earlier Ray lives any more and the next one is about to start; returns why it cannot. */
  readonly beforeStart: () => Promise<Failure | null>;
  /** Called with the session of a Ray that has just begun. */
  readonly onStarted: (session: number) => void;
  /** Called when a stop was asked for and something of Ray does not die. */
  readonly onUnclear: () => void;
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
  const unwanted = await unwantedMeanwhile(world.beforeStart(), world);
  if (unwanted !== null) return unwanted;
  world.log({ type: "starting", role: plan.role, command: redactCommand(plan.start) });
  const ray = await launch(plan.start, world.log);
  if (!ray.ok) return { kind: "failed", failure: ray.error };
  world.onStarted(ray.value.session);
  try {
    return await live(plan, ray.value, world);
  } finally {
    await clearAll(ray.value, world);
  }
}

/** Why Ray is not started at all: what `work` found in its way, or what came meanwhile. Null where nothing did. */
async function unwantedMeanwhile(
  work: Promise<Failure | null>,
  { stop, deposed }: SuperviseWorld,
): Promise<RunEnd | null> {
  const over = new AbortController();
  const obstacle = work.then((failure) => failure && ({ kind: "failed", failure } as const));
  const end = await Promise.race([obstacle, aborted(stop.asked, over.signal), deposed]);
  over.abort();
  return stop.asked.aborted ? { kind: "stopped" } : (end ?? null);
}

/**
 * Kills what is left of Ray until nothing lives. A process in the kernel's hands (a disk that hangs, say) may not die for
 * minutes; nothing is started beside it, and only an order to stop ends the wait.
 */
async function clearAll(ray: RayProcess, { log, stop, onUnclear }: SuperviseWorld): Promise<void> {
  for (;;) {
    const { killed, clear } = await ray.clear(CLEAR_TIMEOUT_MS);
    if (killed > 0) log({ type: "cleared", processes: killed, clear });
    if (clear) return;
    if (stop.asked.aborted) return onUnclear();
  }
}

/** From the start of Ray to the first reason to end it. */
async function live(plan: Plan, ray: RayProcess, world: SuperviseWorld): Promise<RunEnd> {
  const began = monotonicMs();
  const over = new AbortController();
  const exited = ray.exited.then((exit) => ({ exit }));
  const stop = aborted(world.stop.asked, over.signal).then(() => "stop" as const);
  try {
    const either = AbortSignal.any([over.signal, world.stop.asked]);
    const ready = waitUntilReady(plan.ready, world.gcs, ray.raylet, either).then(
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
    const watched = watchNode(plan, ray.session, first.value, world, over.signal);
    const last = await Promise.race([exited, stop, watched, world.deposed]);
    if (last === "stop") return drain(plan, ray, world);
    return "exit" in last
      ? { kind: "trouble", trouble: { kind: "ray-exited", exit: describeExit(last.exit) } }
      : last;
  } finally {
    over.abort();
  }
}

/** A HEAD that boots beside this node is slow to answer; one that is gone stays so. */
const GONE_IN_START = { times: 5, timeoutMs: 2000 };
/** There is nothing to drain into a HEAD that is gone, and Ray would wait for it until our deadline (docs/faults.md 1.4). */
const GONE_IN_DRAIN = { everyMs: 500, times: 3, timeoutMs: 1000 };

/** Resolves when a WORKER lost its HEAD; a HEAD has none to lose. */
async function headlessInStart(plan: Plan, world: SuperviseWorld, signal: AbortSignal): Promise<RunEnd> {
  const settings = { ...GONE_IN_START, everyMs: world.watchEveryMs };
  return {
    kind: "trouble",
    trouble: { kind: "head-lost-in-start", cause: await headGone(plan, world, settings, signal) },
  };
}

function headGone(
  { role }: Plan,
  { gcs, onHeadSeen: onSeen }: SuperviseWorld,
  settings: Omit<HeadGoneSettings, "onSeen">,
  signal: AbortSignal,
): Promise<string> {
  return role === "head" ? new Promise(() => {}) : untilHeadGone(gcs, { ...settings, onSeen }, signal);
}

const exitedEarly = ({ code, signal }: Exit, ranMs: number): Failure => ({
  reason: "ray-exited",
  exitCode: code,
  signal,
  ranMs,
});

const describeExit = ({ code, signal }: Exit): string =>
  signal === null ? `exit code ${code}` : `signal ${signal}`;

/** Lets Ray drain until its own end, our deadline, or an order to stop now; the rest is killed by the caller. */
async function drain(plan: Plan, ray: RayProcess, world: SuperviseWorld): Promise<RunEnd> {
  const began = monotonicMs();
  const { stop, log } = world;
  world.onStop();
  log({ type: "stopping", signal: stop.signal, urgent: stop.urgent.aborted });
  ray.terminate();
  const over = new AbortController();
  // The engine's grace runs since the signal, whatever came before this.
  const leftMs = Math.max(0, stop.askedAtMs + plan.stop.killAfterMs - began);
  const how = await Promise.race([
    ray.exited.then(() => "drained" as const),
    pause(leftMs, over.signal).then(() => "late" as const),
    aborted(stop.urgent, over.signal).then(() => "urgent" as const),
    headGone(plan, world, GONE_IN_DRAIN, over.signal).then(() => "headless" as const),
    // Two HEADs would be seen for as long as this one drains.
    world.deposed.then(() => "deposed" as const),
  ]);
  over.abort();
  log({ type: "drained", how, tookMs: monotonicMs() - began });
  return { kind: "stopped" };
}
