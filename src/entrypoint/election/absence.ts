import type { Clock } from "../../common/deadline.ts";

/**
 * Measures how long a node has seen no sign of life of a HEAD. Each answer to a probe, while joining, starting or
 * watching, is one. It uses the clock that stops while the machine is suspended: a suspended node cannot hear the
 * HEAD.
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

  /** This node leads itself, so it misses no HEAD. */
  forget(): void {
    this.#seenAtMs = undefined;
  }

  /** Milliseconds since the last sign of life, or since `beganMs` if there was none. */
  sinceMs(beganMs: number): number {
    return this.#clock.now() - (this.#seenAtMs ?? beganMs);
  }
}
