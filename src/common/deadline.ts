import { uptime } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/** A point on the monotonic clock. Wall time never enters: it can jump. */
export interface Deadline {
  /** Milliseconds left, never below 0. */
  remainingMs(): number;
  expired(): boolean;
}

/**
 * Milliseconds since some fixed moment, on a clock that stands still while the machine sleeps, as every timer does
 * (CLOCK_MONOTONIC). For what this process watches itself: it hears nobody in its sleep, so that silence is no absence
 * then. The first use of `performance` would load a module for it.
 */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/**
 * Milliseconds since the machine's boot, its sleep included. For what runs on elsewhere meanwhile, as a lease does. Steps of
 * 10 ms, 2 µs a call: it is /proc/uptime, which the guard reads too (uv_uptime of libuv, Node 24).
 */
export const bootMs = (): number => Math.floor(uptime() * 1000);

/** Time as a node's life sees it; the simulation has one of its own. */
export interface Clock {
  /** Milliseconds on the clock that stands still while the machine sleeps (`monotonicMs`). */
  readonly now: () => number;
  /** Milliseconds on the clock that does not. */
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
