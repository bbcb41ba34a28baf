import { uptime } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Milliseconds on a clock that stops while the machine is suspended, as timers do (CLOCK_MONOTONIC): that nothing was heard
 * meanwhile is no silence. Not `performance`, whose first use would load a module.
 */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/**
 * Milliseconds since boot, suspended ones too, for what goes on elsewhere meanwhile, such as a lease: /proc/uptime (Node 24), as
 * the guard reads it, in steps of 10 ms.
 */
export const bootMs = (): number => Math.floor(uptime() * 1000);

/** Waits `ms`, or until `signal` aborts; never rejects. Returns false when it was cut short. */
export async function pause(ms: number, signal?: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
    return true;
  } catch {
    return false;
  }
}

export const realClock = { now: monotonicMs, bootMs, pause };
/** Never wall time, which can jump; the simulation has a clock of its own. */
export type Clock = Readonly<typeof realClock>;

export type Deadline = ReturnType<typeof deadlineIn>;

/** A deadline `timeoutMs` from now; what is left is never below 0. */
export function deadlineIn(timeoutMs: number) {
  const end = monotonicMs() + timeoutMs;
  const remainingMs = (): number => Math.max(0, end - monotonicMs());
  return { remainingMs, expired: () => remainingMs() === 0 };
}
