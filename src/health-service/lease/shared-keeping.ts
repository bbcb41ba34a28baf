import { err, ok, type Result } from "../../common/result.ts";
import type { Event } from "../event.ts";
import type { Change, Keeping, Unavailable } from "./keeping.ts";
import { seeEpoch } from "./lease.ts";
import { isBehind, type LeaseState } from "./lease-state.ts";
import { recordIn, type SharedRecord, stateOf, textOf } from "./shared-record.ts";

/** A text in a store that others write too. `version` is another one after each write. */
export interface Found {
  /** Null where there is none. */
  readonly text: string | null;
  readonly version: string;
}

/** One text in a store that several services share. An error is its cause: whether a write took place is not known then. */
export interface SharedText {
  /** For people. */
  readonly at: string;
  read(timeoutMs: number): Promise<Result<Found, string>>;
  /** Writes it unless somebody has written since; null: somebody has. */
  swap(found: Found, text: string, timeoutMs: number): Promise<Result<Found | null, string>>;
}

export interface SharedKeepingSettings {
  readonly store: SharedText;
  /** What this service remembers by itself: the highest epoch that was seen. */
  readonly own: Keeping;
  readonly ttlMs: number;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<unknown>;
  readonly log: (event: Event) => void;
}

/** Shorter than the second for which a node waits. */
const PATIENCE_MS = 800;
/** A store that is full, say, refuses each write at once. */
const RETRY_AFTER_MS = 50;

interface Seen extends Found {
  readonly record: SharedRecord | null;
  readonly atMs: number;
}

/**
 * The lease in a store that several services share, as a record that changes only where nobody has changed it since it was read. How
 * long a holder has been silent each service judges by itself, as Kubernetes' leader election does (client-go): from when it first saw
 * the record as it is, on its own monotonic clock. A renewal is a new record. So a lease never ends for anybody before its holder's own
 * time is over, whatever the clocks of the services say.
 */
export class SharedKeeping implements Keeping {
  readonly #settings: SharedKeepingSettings;
  #seen: Seen | undefined;
  #looking: Promise<Unavailable | null> | undefined;
  stored = true;

  constructor(settings: SharedKeepingSettings) {
    this.#settings = settings;
  }

  get state(): LeaseState {
    return this.#stateOf(this.#seen ?? { record: null, atMs: this.#settings.now() });
  }

  /** Those who ask while it looks hear what it sees. */
  look(): Promise<Unavailable | null> {
    this.#looking ??= this.#read(PATIENCE_MS)
      .then((read) => (read.ok ? null : { unavailable: read.error }))
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async change<T>(make: (before: LeaseState) => Change<T>): Promise<T | Unavailable> {
    const { store, now, pause } = this.#settings;
    const endMs = now() + PATIENCE_MS;
    let cause = OVERTAKEN;
    for (let tries = 1; now() < endMs; tries++) {
      const read = await this.#read(endMs - now());
      if (!read.ok) return { unavailable: read.error };
      const before = this.#stateOf(read.value);
      // What another request wrote meanwhile may be newer than what was read.
      if (tries === 1 && isBehind(before)) continue;
      const { state, what, answer } = make(before);
      if (what === "none") {
        await this.seeEpoch(state.highestEpochSeen);
        return answer();
      }
      // What became of a write without an answer shows when the record is read again.
      const written = await store.swap(read.value, textOf(state), endMs - now());
      if (written.ok && written.value !== null) {
        this.#see(written.value);
        return answer();
      }
      cause = written.ok ? OVERTAKEN : written.error;
      if (!written.ok) await pause(RETRY_AFTER_MS);
    }
    return { unavailable: cause };
  }

  /** Kept at once, or else the next time: after a restart it may be all that tells an old copy of the store. */
  async seeEpoch(epoch: number): Promise<void> {
    await this.#settings.own.change((before) => {
      const state = seeEpoch(before, epoch);
      return { state, what: state === before ? "renewal" : "news", answer: () => undefined };
    });
  }

  settled(): Promise<unknown> {
    return this.#settings.own.settled();
  }

  async #read(timeoutMs: number): Promise<Result<Seen, string>> {
    const { store, log } = this.#settings;
    const read = await store.read(timeoutMs);
    const seen = read.ok ? this.#see(read.value) : read;
    if (seen.ok !== this.stored)
      log({ type: "store", at: store.at, ...(seen.ok ? { ok: true } : { ok: false, cause: seen.error }) });
    this.stored = seen.ok;
    return seen;
  }

  #see(found: Found): Result<Seen, string> {
    const { text, version } = found;
    if (this.#seen?.text === text && this.#seen.version === version) return ok(this.#seen);
    const record = text === null ? null : recordIn(text);
    if (record === undefined) return err("what the store holds is no head lease of this program");
    this.#seen = { ...found, record, atMs: this.#settings.now() };
    // A store that lacks it some day is an old copy.
    if (record !== null) void this.seeEpoch(record.epoch);
    return ok(this.#seen);
  }

  /** `atMs`: when this service first saw the record as it is. */
  #stateOf({ record, atMs }: Pick<Seen, "record" | "atMs">): LeaseState {
    const { own, ttlMs } = this.#settings;
    return stateOf(record, { atMs, ttlMs, seen: own.state.highestEpochSeen });
  }
}

const OVERTAKEN = "other services changed the head lease meanwhile, again and again";
