import { monotonicMs } from "../common/deadline.ts";

/** What was asked of this node from outside: to stop, and perhaps to stop now. */
export class StopRequest {
  readonly #asked = new AbortController();
  readonly #urgent = new AbortController();
  #signal = "";
  #askedAtMs = 0;

  /** The first TERM or QUIT drains; an INT, or any second signal, means now. */
  receive(signal: "SIGTERM" | "SIGINT" | "SIGQUIT"): void {
    const again = this.#asked.signal.aborted;
    if (!again) {
      this.#signal = signal;
      this.#askedAtMs = monotonicMs();
    }
    if (again || signal === "SIGINT") this.#urgent.abort();
    this.#asked.abort();
  }

  /** Aborts with the first signal. */
  get asked(): AbortSignal {
    return this.#asked.signal;
  }

  /** Aborts when there is no more time to drain. */
  get urgent(): AbortSignal {
    return this.#urgent.signal;
  }

  /** When the first signal came, on the monotonic clock: the engine's grace counts from there. */
  get askedAtMs(): number {
    return this.#askedAtMs;
  }

  /** The name of the first signal, or "" before it. */
  get signal(): string {
    return this.#signal;
  }
}

/** Resolves when `signal` aborts. Once `over` has aborted nobody waits any more, and nothing is kept for it. */
export function aborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true, signal: over }),
  );
}
