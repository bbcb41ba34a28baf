import type { KILLED } from "../output/words.ts";
import { aborted } from "../stop-request.ts";
import type { Plan } from "./command.ts";
import type { RayProcess } from "./ray.ts";
import type { RunDeps } from "./run-end.ts";

/** How long the remains of a session may take to die of SIGKILL. */
const CLEAR_TIMEOUT_MS = 5000;

/**
 * After a stop: lets Ray drain until its own end, our deadline, or a reason to wait no longer (`reasons`, until `over` aborts).
 * What is left is to be killed then.
 */
export async function drain(
  ray: RayProcess,
  { killAfterMs }: Plan,
  { clock, log, step, stopRequest }: RunDeps,
  reasons: (over: AbortSignal) => readonly Promise<keyof typeof KILLED>[],
): Promise<void> {
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
    ...reasons(over.signal),
  ]);
  over.abort();
  log({ type: "drained", how, tookMs: clock.now() - began });
}

/**
 * Kills what is left of Ray until nothing lives. A process in the kernel's hands (a disk that hangs, say) may not die
 * for minutes; nothing is started beside it, and only an order to stop ends the wait.
 */
export async function clear(ray: RayProcess, { log, memory, stopRequest }: RunDeps): Promise<void> {
  do {
    const { killed, clear: isClear } = await ray.clear(CLEAR_TIMEOUT_MS);
    if (killed > 0) log({ type: "cleared", processes: killed, clear: isClear });
    memory.rayLives = !isClear;
  } while (memory.rayLives && !stopRequest.asked.aborted);
}
