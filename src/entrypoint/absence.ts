import type { Clock } from "../common/deadline.ts";

/**
 * For how long a node has had no sign of life of a HEAD: an answer to a probe, as it joins, while it starts, to the watch.
 * On the clock that stands still while the machine sleeps: a sleeper hears nobody, so that its sleep is no absence.
 */
export class Absence {
  readonly #clock: Pick<Clock, "now">;
  #seenAtMs: number | undefined;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** A HEAD has just answered. */
  seen(): void {
    this.#seenAtMs = this.#clock.now();
  }

  /** This node leads itself, so that there is none to be missed. */
  forget(): void {
    this.#seenAtMs = undefined;
  }

  /** Milliseconds since the last sign of life, or since `beganMs` where there was none. */
  sinceMs(beganMs: number): number {
    return this.#clock.now() - (this.#seenAtMs ?? beganMs);
  }
}
