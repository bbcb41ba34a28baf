import { pause } from "../common/deadline.ts";

/** A text that costs 2 ms to make is made once in 20 ms at most. */
const REST_FACTOR = 10;

/**
 * A text that many ask for and that is dear to make: whoever asks while it rests waits for the next one, and all who wait
 * get the same bytes. So nobody gets what is older than the request, and nobody can take more than a tenth of the time.
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
