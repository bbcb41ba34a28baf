import type { Clock } from "./clock.ts";

/**
 * One run of a process. After its death nothing happens to it. While it is paused, all that is due waits until it
 * resumes. While its machine is suspended, its timers and the clock that it waits by stop as well.
 */
export class Actor {
  readonly #clock: Clock;
  #dead = false;
  #paused = false;
  #asleepSinceMs: number | undefined;
  #sleptMs = 0;
  #held: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get running(): boolean {
    return !this.#dead && !this.#isHeld;
  }

  /** Milliseconds on the clock that stops while the machine is suspended. */
  get nowMs(): number {
    return (this.#asleepSinceMs ?? this.#clock.nowMs) - this.#sleptMs;
  }

  get #isHeld(): boolean {
    return this.#paused || this.#asleepSinceMs !== undefined;
  }

  kill(): void {
    this.#dead = true;
    this.#held = [];
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#flush();
  }

  /** Its machine is suspended. */
  suspend(): void {
    this.#asleepSinceMs ??= this.#clock.nowMs;
  }

  wake(): void {
    if (this.#asleepSinceMs === undefined) return;
    this.#sleptMs += this.#clock.nowMs - this.#asleepSinceMs;
    this.#asleepSinceMs = undefined;
    this.#flush();
  }

  #flush(): void {
    if (this.#isHeld || this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.#clock.after(0, () => this.do(run));
  }

  /** Does it now, after the pause, or never. */
  do(run: () => void): void {
    if (this.#dead) return;
    if (this.#isHeld) this.#held.push(run);
    else run();
  }

  /** Runs it when `ms` have passed on its own clock. Returns a function that cancels it. */
  after(ms: number, run: () => void): () => void {
    const dueMs = this.nowMs + ms;
    let callOff: () => void;
    const arm = (): void => {
      callOff = this.#clock.after(dueMs - this.nowMs, ring);
    };
    let off = false;
    const due = (): void => {
      if (off) return;
      if (this.nowMs < dueMs) arm();
      else run();
    };
    const ring = (): void => this.do(due);
    arm();
    return () => {
      off = true;
      callOff();
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** As `pause` in src/common/deadline.ts: false when it was cut short. */
  readonly pauseFor = (ms: number, signal?: AbortSignal): Promise<boolean> => {
    if (signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const callOff = this.after(ms, () => {
        signal?.removeEventListener("abort", abort);
        resolve(true);
      });
      const abort = () => {
        callOff();
        resolve(false);
      };
      signal?.addEventListener("abort", abort);
    });
  };
}
