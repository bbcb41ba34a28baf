import type { Failure } from "../../common/failure.ts";
import type { Outcome } from "../election/elect.ts";
import { aborted } from "../stop-request.ts";
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

/**
 * Lets Ray drain until its own end, our deadline, an order to stop now, or one of `others`; the rest is killed by the
 * caller.
 */
export async function drain(
  ray: RayProcess,
  { killAfterMs }: Plan,
  { clock, log, step, stopRequest }: RunDeps,
  others: (over: AbortSignal) => readonly Promise<"headless" | "superseded">[],
): Promise<RunEnd> {
  const { signal, urgent, askedAtMs } = stopRequest;
  step({ kind: "stop", signal });
  const began = clock.now();
  log({ type: "stopping", signal, urgent: urgent.aborted });
  ray.terminate();
  const over = new AbortController();
  // The engine's grace runs since the signal, whatever came before this.
  const leftMs = Math.max(0, askedAtMs + killAfterMs - began);
  const how = await Promise.race([
    ray.exited.then(() => "drained" as const),
    clock.pause(leftMs, over.signal).then(() => "late" as const),
    aborted(urgent, over.signal).then(() => "urgent" as const),
    ...others(over.signal),
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
export async function clearAll(ray: RayProcess, { log, stopRequest, memory }: RunDeps): Promise<void> {
  do {
    const { killed, clear } = await ray.clear(CLEAR_TIMEOUT_MS);
    if (killed > 0) log({ type: "cleared", processes: killed, clear });
    memory.rayLives = !clear;
  } while (memory.rayLives && !stopRequest.asked.aborted);
}
