import { pause } from "../../common/deadline.ts";

/** A text that takes 2 ms to make is made at most once in 20 ms. */
const REST_FACTOR = 10;

/**
 * A text that many request and that is expensive to make. Requests during the rest after one are answered together by
 * the next one. So no answer is older than its request, and making the text takes at most a tenth of the time.
 */
export class Paced {
  readonly #make: () => string;
  /** Milliseconds on the monotonic clock. */
  readonly #now: () => number;
  #restsUntilMs = 0;
  #next: Promise<Buffer> | null = null;

  constructor(make: () => string, now: () => number) {
    this.#make = make;
    this.#now = now;
  }

  get(): Promise<Buffer> {
    this.#next ??= this.#render();
    return this.#next;
  }

  async #render(): Promise<Buffer> {
    const restMs = this.#restsUntilMs - this.#now();
    await (restMs > 0 ? pause(restMs) : null);
    this.#next = null;
    const began = this.#now();
    const text = Buffer.from(this.#make());
    const ended = this.#now();
    this.#restsUntilMs = ended + REST_FACTOR * (ended - began);
    return text;
  }
}
