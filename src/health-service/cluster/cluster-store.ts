import type { WhitelistEntry } from "../../common/address.ts";
import { err, type Result } from "../../common/result.ts";
import type { Event } from "../event.ts";
import { inTime } from "../lease/state-file.ts";
import { type ClusterState, candidatesOf } from "./cluster-state.ts";

export interface ClusterStoreSettings {
  readonly state: ClusterState;
  readonly file: {
    readonly path: string;
    readonly save: (state: ClusterState) => Promise<Result<void, string>>;
  };
  readonly log: (event: Event) => void;
  readonly pause?: (ms: number) => Promise<unknown>;
}

const SAVE_TIMEOUT_MS = 2000;

/** The cluster as it is kept: one change at a time, and on disk before it counts. */
export class ClusterStore {
  readonly #settings: ClusterStoreSettings;
  #state: ClusterState;
  #candidates: readonly WhitelistEntry[];
  #line: Promise<unknown> = Promise.resolve();
  /** There is no write beside one under way: the two would share a file, and the older one could come last. */
  #writing = false;

  constructor(settings: ClusterStoreSettings) {
    this.#settings = settings;
    this.#state = settings.state;
    this.#candidates = candidatesOf(settings.state);
  }

  get state(): ClusterState {
    return this.#state;
  }

  /** The whitelist of the lease: the same objects until they change. */
  get candidates(): readonly WhitelistEntry[] {
    return this.#candidates;
  }

  /** Does this when all that was begun before is done: what it finds is what was kept. */
  inLine<T>(job: () => Promise<T>): Promise<T> {
    const run = this.#line.then(job);
    this.#line = run.catch(() => {});
    return run;
  }

  /** Another service decides under this term: at once, whatever the disk does. */
  resign(term: number): void {
    this.#state = { ...this.#state, decides: false, term };
  }

  /** Only in line. Goes on with this state once it is on the disk. False where it cannot be written: then nothing has changed. */
  async keep(state: ClusterState): Promise<boolean> {
    const { file, log, pause } = this.#settings;
    const write = () => {
      this.#writing = true;
      return file.save(state).finally(() => {
        this.#writing = false;
      });
    };
    const saved = this.#writing
      ? err("the write before has not ended")
      : await inTime(SAVE_TIMEOUT_MS, write(), pause);
    if (!saved.ok) {
      log({ type: "members-not-kept", file: file.path, cause: saved.error });
      return false;
    }
    this.#state = state;
    this.#candidates = candidatesOf(state);
    return true;
  }
}
