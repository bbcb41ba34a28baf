import type { Clock } from "./clock.ts";

/** One run of a process. Dead, nothing happens to it any more; paused, all that was due happens when it resumes. */
export class Actor {
  readonly #clock: Clock;
  #dead = false;
  #paused = false;
  #held: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get running(): boolean {
    return !this.#dead && !this.#paused;
  }

  kill(): void {
    this.#dead = true;
    this.#held = [];
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.#clock.after(0, () => this.do(run));
  }

  /** Does it now, after the pause, or never. */
  do(run: () => void): void {
    if (this.#dead) return;
    if (this.#paused) this.#held.push(run);
    else run();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, () => this.do(resolve)));
  }

  /** As `pause` in src/common/deadline.ts: false when it was cut short. */
  readonly pauseFor = (ms: number, signal?: AbortSignal): Promise<boolean> => {
    if (signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener("abort", abort);
        resolve(true);
      };
      const callOff = this.#clock.after(ms, () => this.do(wake));
      const abort = () => {
        callOff();
        resolve(false);
      };
      signal?.addEventListener("abort", abort, { once: true });
    });
  };
}
