import type { Clock } from "../../common/deadline.ts";
import type { Failure } from "../../common/failure.ts";
import type { Deps } from "../deps.ts";
import type { Outcome } from "../election/elect.ts";
import { aborted, type StopRequest } from "../stop-request.ts";
import type { Plan } from "./command.ts";
import type { Exit, RayProcess } from "./ray.ts";
import type { RunDeps } from "./run-deps.ts";
import type { Fault } from "./verdict.ts";

/** How one run of Ray on this node ended. */
export type RunEnd =
  | { readonly kind: "stopped" }
  /** It never became ready. */
  | { readonly kind: "failed"; readonly failure: Failure }
  /** It was ready and could not go on. */
  | { readonly kind: "fault"; readonly fault: Fault }
  /** Its HEAD is out of reach, and this node's next role is known. */
  | { readonly kind: "moved"; readonly outcome: Outcome };

export const failed = (failure: Failure): RunEnd => ({ kind: "failed", failure });
export const faulted = (fault: Fault): RunEnd => ({ kind: "fault", fault });

/** What follows when Ray ends by itself. `ranMs` is how long it ran if it was never ready, else undefined. */
export function exitEnd({ code, signal }: Exit, ranMs: number | undefined): RunEnd {
  return ranMs === undefined
    ? faulted({ kind: "ray-exited", exit: signal === null ? `exit code ${code}` : `signal ${signal}` })
    : failed({ reason: "ray-exited", exitCode: code, signal, ranMs });
}

export interface Drained {
  readonly ray: RayProcess;
  readonly stop: Plan["stop"];
  readonly stopRequest: StopRequest;
  /** Resolves when this node may not go on in its role: two HEADs would be seen for as long as this one drains. */
  readonly ended: Promise<RunEnd>;
  /** Resolves when a WORKER's HEAD is gone: there is nothing to drain into, and Ray would wait (docs/faults.md 1.4). */
  readonly headGone: (over: AbortSignal) => Promise<string>;
}

/** Lets Ray drain until its own end, our deadline, or an order to stop now; the rest is killed by the caller. */
export async function drain(
  { ray, stop, stopRequest, ended, headGone }: Drained,
  { clock, log }: Pick<Deps, "log"> & { readonly clock: Clock },
): Promise<RunEnd> {
  const began = clock.now();
  log({ type: "stopping", signal: stopRequest.signal, urgent: stopRequest.urgent.aborted });
  ray.terminate();
  const over = new AbortController();
  // The engine's grace runs since the signal, whatever came before this.
  const leftMs = Math.max(0, stopRequest.askedAtMs + stop.killAfterMs - began);
  const how = await Promise.race([
    ray.exited.then(() => "drained" as const),
    clock.pause(leftMs, over.signal).then(() => "late" as const),
    aborted(stopRequest.urgent, over.signal).then(() => "urgent" as const),
    headGone(over.signal).then(() => "headless" as const),
    ended.then(() => "superseded" as const),
  ]);
  over.abort();
  log({ type: "drained", how, tookMs: clock.now() - began });
  return { kind: "stopped" };
}

/** How long the remains of a session may take to die of SIGKILL. */
const CLEAR_TIMEOUT_MS = 5000;

/**
 * Kills what is left of Ray until nothing lives. A process in the kernel's hands (a disk that hangs, say) may not die
 * for minutes; nothing is started beside it, and only an order to stop ends the wait.
 */
export async function clearAll(
  ray: RayProcess,
  { log, stopRequest, memory }: Pick<RunDeps, "log" | "stopRequest" | "memory">,
): Promise<void> {
  for (;;) {
    const { killed, clear } = await ray.clear(CLEAR_TIMEOUT_MS);
    if (killed > 0) log({ type: "cleared", processes: killed, clear });
    memory.rayLives = !clear;
    if (clear || stopRequest.asked.aborted) return;
  }
}
