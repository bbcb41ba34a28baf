import { setTimeout as delay } from "node:timers/promises";

/** A point on the monotonic clock. Wall time never enters: it can jump. */
export interface Deadline {
  /** Milliseconds left, never below 0. */
  remainingMs(): number;
  expired(): boolean;
}

/** Milliseconds on the monotonic clock since some fixed moment. The first use of `performance` would load a module for it. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Time as a node's life sees it; the simulation has one of its own. */
export interface Clock {
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
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

export const realClock: Clock = { now: monotonicMs, pause };
