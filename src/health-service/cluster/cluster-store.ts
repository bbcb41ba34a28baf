import type { WhitelistEntry } from "../../common/address.ts";
import { err, type Result } from "../../common/result.ts";
import type { Event } from "../event.ts";
import { inTime } from "../lease/state-file.ts";
import { type ClusterState, candidatesOf } from "./cluster-state.ts";
import { giveWay, isCredible, type Rank } from "./services/rank.ts";

export interface ClusterStoreSettings {
  readonly state: ClusterState;
  readonly file: {
    readonly path: string;
    readonly save: (state: ClusterState) => Promise<Result<void, string>>;
  };
  readonly log: (event: Event) => void;
  /** The CA is another one: what this makes is there before anybody is told. */
  readonly onAuthority?: () => Promise<void>;
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** What the parts of a cluster are given. */
export interface ClusterSettings {
  readonly store: ClusterStore;
  readonly admin: string;
  /** Milliseconds, monotonic; and since 1970. */
  readonly now: () => number;
  readonly wallNow: () => number;
  /** After it began to decide, a member that it has not heard counts as living for so long. */
  readonly graceMs: number;
  readonly log: (event: Event) => void;
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
  /** False where the last write failed, which may have reached the disk all the same. */
  stored = true;

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

  /** The same for a change that somebody asks for. Null where another service decides since: its copy would put an end to the change. */
  change<T>(job: () => Promise<T>): Promise<T | null> {
    return this.inLine(async () => (this.#state.decides ? job() : null));
  }

  /** Only in line. Another service decides, or is about to, under a rank above this one's: this one gives way at once, whatever its disk does. */
  async heard(rank: Rank): Promise<void> {
    const { decides, term } = this.#state;
    if (!isCredible(rank.term, term)) return;
    const next = giveWay(this.#state, rank);
    if (next.decides) return void (await this.keep(next));
    await this.#goOn(next);
    await this.#write(next);
    if (decides) this.#settings.log({ type: "yielded", to: rank.leader, term: rank.term });
  }

  /** Only in line. Goes on with this state once it is on the disk. False where it cannot be written: then nothing has changed. */
  async keep(state: ClusterState): Promise<boolean> {
    const written = await this.#write(state);
    if (written) await this.#goOn(state);
    return written;
  }

  /** Only in line. After the next start this service decides; in this run only by `decide`. False where it cannot be written. */
  async claim(state: ClusterState): Promise<boolean> {
    const written = await this.#write({ ...state, decides: true });
    if (written) await this.#goOn({ ...state, decides: false });
    return written;
  }

  /** Only in line, after a claim. With this state, else with what was claimed, which is on the disk: then false. */
  async decide(state: ClusterState): Promise<boolean> {
    const kept = await this.keep(state);
    if (!kept) await this.#goOn({ ...this.#state, decides: true });
    return kept;
  }

  async #write(state: ClusterState): Promise<boolean> {
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
    if (!saved.ok) log({ type: "members-not-kept", file: file.path, cause: saved.error });
    this.stored = saved.ok;
    return saved.ok;
  }

  async #goOn(state: ClusterState): Promise<void> {
    const isOther = state.authority.certificate !== this.#state.authority.certificate;
    this.#state = state;
    this.#candidates = candidatesOf(state);
    if (isOther) await this.#settings.onAuthority?.();
  }
}
