import { uptime } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/** A point on the monotonic clock. Wall time never enters: it can jump. */
export interface Deadline {
  /** Milliseconds left, never below 0. */
  remainingMs(): number;
  expired(): boolean;
}

/**
 * Milliseconds since some fixed moment, on a clock that stops while the machine is suspended, as timers do
 * (CLOCK_MONOTONIC). Use it for what this process watches: while suspended it hears nothing, so that time must not
 * count as silence. Not `performance`, whose first use would load a module.
 */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/**
 * Milliseconds since boot, including the time suspended. Use it for what goes on elsewhere meanwhile, such as a
 * lease. It has a resolution of 10 ms and costs 2 µs a call. It reads /proc/uptime (uv_uptime of libuv, Node 24), as
 * the guard does.
 */
export const bootMs = (): number => Math.floor(uptime() * 1000);

/** Time as a node's life sees it; the simulation has one of its own. */
export interface Clock {
  /** Milliseconds on the clock that stops while the machine is suspended (`monotonicMs`). */
  readonly now: () => number;
  /** Milliseconds since boot, including the time suspended (`bootMs`). */
  readonly bootMs: () => number;
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<boolean>;
}

/** A deadline `timeoutMs` from now. */
export function deadlineIn(timeoutMs: number): Deadline {
  const end = monotonicMs() + timeoutMs;
  const remainingMs = (): number => Math.max(0, end - monotonicMs());
  return { remainingMs, expired: () => remainingMs() === 0 };
}

/** Waits `ms`, or until `signal` aborts; never rejects. Returns false when it was cut short. */
export async function pause(ms: number, signal?: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
    return true;
  } catch {
    return false;
  }
}

export const realClock: Clock = { now: monotonicMs, bootMs, pause };
