import type { Clock } from "../common/deadline.ts";

/** Ray has another token: this node stops its Ray, and starts again with that one. */
export const NEW_TOKEN = "new token";

/** What was asked of this node from outside: to stop, and perhaps to stop now. */
export class StopRequest {
  readonly #clock: Pick<Clock, "now">;
  readonly #asked = new AbortController();
  readonly #urgent = new AbortController();
  /** Aborts with the first signal, or with a removal, or when Ray has another token. */
  readonly asked = this.#asked.signal;
  /** Aborts when there is no more time to drain. */
  readonly urgent = this.#urgent.signal;
  /** When the first signal came, on the monotonic clock: the engine's grace counts from there. */
  askedAtMs = 0;
  /** The name of the first signal, or "" before it; a signal counts more than Ray's other token. */
  signal = "";

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** The first TERM or QUIT drains, as news from the cluster does; an INT, or any signal after that, means now. */
  receive(signal: "SIGTERM" | "SIGINT" | "SIGQUIT" | "removal" | typeof NEW_TOKEN): void {
    const again = this.asked.aborted;
    if (!again) this.askedAtMs = this.#clock.now();
    if (!again || this.signal === NEW_TOKEN) this.signal = signal;
    if ((again && signal !== "removal" && signal !== NEW_TOKEN) || signal === "SIGINT") this.#urgent.abort();
    this.#asked.abort();
  }
}

/** What `work` brings, or null when `signal` aborts first. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const abort = () => resolve(null);
    signal.addEventListener("abort", abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Resolves when `signal` aborts. Once `over` has aborted nobody waits any more, and nothing is kept for it. */
export function aborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true, signal: over }),
  );
}
