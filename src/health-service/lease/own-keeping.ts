import { err } from "../../common/result.ts";
import type { Event } from "../event.ts";
import type { Change, Keeping } from "./keeping.ts";
import { seeEpoch } from "./lease.ts";
import { type LeaseState, memoryOf } from "./lease-state.ts";
import { inTime, type StateFile } from "./state-file.ts";

export interface OwnKeepingSettings {
  readonly file: Pick<StateFile, "path" | "save"> | null;
  readonly pause: (ms: number) => Promise<unknown>;
  readonly log: (event: Event) => void;
}

/** A node waits a second for the answer to a renewal, which may stand behind a write. */
const SAVE_TIMEOUT_MS = 700;

/** The lease in the memory of this service alone, and in a file where there is one. */
export class OwnKeeping implements Keeping {
  readonly #settings: OwnKeepingSettings;
  state: LeaseState;
  stored = true;
  /** What a request finds must be what was kept. */
  #line: Promise<unknown> = Promise.resolve();
  /** There is no write beside one under way, so that nothing older comes after something newer. */
  #writing = false;

  constructor(state: LeaseState, settings: OwnKeepingSettings) {
    this.state = state;
    this.#settings = settings;
  }

  async look(): Promise<null> {
    return null;
  }

  change<T>(make: (before: LeaseState) => Change<T>): Promise<T> {
    return this.#inLine(async () => {
      const { state, what, answer, otherwise } = make(this.state);
      const needless = what === "none" || (what === "renewal" && this.stored);
      // What counts all the same counts at once.
      if (otherwise === undefined) this.state = state;
      const kept = needless || (await this.#save(state));
      if (!kept && otherwise !== undefined) return otherwise();
      this.state = state;
      return answer();
    });
  }

  /** Kept together with the next news: nodes will name it again. */
  async seeEpoch(epoch: number): Promise<void> {
    await this.change((before) => ({
      state: seeEpoch(before, epoch),
      what: "none",
      answer: () => undefined,
    }));
  }

  settled(): Promise<unknown> {
    return this.#line;
  }

  #inLine<T>(job: () => Promise<T>): Promise<T> {
    const run = this.#line.then(job);
    this.#line = run.catch(() => {});
    return run;
  }

  /** False where it cannot be written. A write that comes too late is none, though its state may still reach the disk. */
  async #save(state: LeaseState): Promise<boolean> {
    const { file, log, pause } = this.#settings;
    if (file === null) return true;
    const write = () => {
      this.#writing = true;
      return file.save(memoryOf(state)).finally(() => {
        this.#writing = false;
      });
    };
    const saved = this.#writing
      ? err("the write before has not ended")
      : await inTime(SAVE_TIMEOUT_MS, write(), pause);
    if (!saved.ok) log({ type: "storage", ok: false, file: file.path, cause: saved.error });
    else if (!this.stored) log({ type: "storage", ok: true, file: file.path });
    this.stored = saved.ok;
    return saved.ok;
  }
}
