import { existsSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import type { Failure } from "../../../common/failure.ts";
import { readRegular, replaceFile } from "../../../common/files.ts";
import { Word } from "../../../common/protocol/from-outside.ts";
import { Epoch } from "../../../common/protocol/lease-protocol.ts";
import { attempt, err, ok, type Result } from "../../../common/result.ts";
import { asUser, type RayUser } from "../../config/become.ts";
import type { Event } from "../../output/event.ts";
import { flock, TAKEN } from "../preflight/flock.ts";
import { STORE, type StoreChoice } from "./choice.ts";
import { isOwn, type Leadership } from "./leadership.ts";

/** What this node keeps of its cluster from one run of this program to the next. The simulation has its own. */
export interface ClusterState {
  /** Takes the folder into use, when nothing of an earlier run's Ray is alive. Resolves with what that run left. */
  readonly takeOver: (runId: string, stop: AbortSignal) => Promise<Result<Previous, Failure>>;
  /** This node is to lead: a store that is not its cluster's any more is put aside. Returns why Ray cannot start. */
  readonly lead: (store: StoreChoice, leadership: Leadership) => Failure | null;
  /** This node leads its cluster under that epoch, which may be a later one than at its start. */
  readonly renewed: (epoch: number) => void;
  /** Its GCS serves. Returns the id of the cluster that was kept; null where none was. */
  readonly serves: (clusterId: string) => string | null;
  /** It has joined another HEAD. */
  readonly follow: () => void;
  /** True where its store holds a cluster that has served: whoever leads instead of this node does not have it. */
  readonly holdsCluster: () => boolean;
}

/** `life`: the run that this one is proven to succeed; null where there was none, or nothing proves its end. `epoch`: of the store. */
type Previous = { readonly life: string | null; readonly epoch: number | null };
const NO_PREVIOUS: Previous = { life: null, epoch: null };

export const NO_STATE: ClusterState = {
  takeOver: async () => ok(NO_PREVIOUS),
  lead: () => null,
  renewed: () => {},
  serves: () => null,
  follow: () => {},
  holdsCluster: () => false,
};

const Kept = z.object({ epoch: z.nullable(Epoch), clusterId: z.nullable(Word) });
type Kept = z.infer<typeof Kept>;

/** Beside the store. */
const RECORD = "gcs.json";
const LIFE = "life";
/** In the store, written by Ray before a node is ready. */
const SESSION_NAME = "session_name";
const ASIDE = "gcs-aside-";
const MAX_ASIDE = 2;

type WhyAside = Event<"state-aside">["why"];

/** Null where the store that was last written under the epoch `stored` is to be used. */
function whyAside(isKept: boolean, stored: number | null, leadership: Leadership): WhyAside | null {
  if (!isKept) return "unused";
  if (isOwn(stored, leadership)) return null;
  return stored === null ? "unknown" : "other-led";
}

/** A guard takes less to kill what its entrypoint left behind, unless the disk hangs. */
const WAIT_S = 10;
const QUIET_MS = 500;

/**
 * RAY_EP_STATE_DIR: the store of the GCS, the epoch and cluster that it belongs to, and the id of the last run. Its lock
 * (flock(2)) is held until nothing of this run's Ray is alive, which the next run sees even where it sees no processes.
 * Everything is done with the rights of the user that Ray runs as.
 */
export class StateFolder implements ClusterState {
  readonly #path: string;
  readonly #lockSettings: { readonly waitS: number; readonly tool: string };
  readonly #user: RayUser | null;
  readonly #log: (event: Event) => void;
  /** The open folder with the lock, for the guard. */
  fd: number | undefined;
  #kept: Kept | null = null;

  /** `user`: whom root has to become for Ray, else null. */
  constructor(
    path: string,
    user: RayUser | null,
    log: (event: Event) => void,
    { waitS = WAIT_S, tool = "flock" } = {},
  ) {
    this.#lockSettings = { waitS, tool };
    this.#path = path;
    this.#user = user;
    this.#log = log;
  }

  async takeOver(runId: string, stop: AbortSignal): Promise<Result<Previous, Failure>> {
    this.fd = this.#read(() => {
      mkdirSync(this.#path, { recursive: true });
      return openSync(this.#path, "r");
    });
    // It was said already that nothing can be kept there.
    if (this.fd === undefined) return ok(NO_PREVIOUS);
    const told = setTimeout(() => this.#log({ type: "state-taken", folder: this.#path }), QUIET_MS);
    const { waitS, tool } = this.#lockSettings;
    const lock = await flock(this.fd, ["--exclusive", "--timeout", String(waitS)], { tool, signal: stop });
    clearTimeout(told);
    if (stop.aborted) return ok(NO_PREVIOUS);
    if (lock === TAKEN) return err({ reason: "state-taken", folder: this.#path });
    const life = this.#read(() => readRegular(join(this.#path, LIFE)));
    this.#change(() => this.#write(LIFE, runId));
    return ok({ life: (lock === 0 && life) || null, epoch: this.#recorded?.epoch ?? null });
  }

  lead(store: StoreChoice, leadership: Leadership): Failure | null {
    const before = this.#recorded;
    const isKept = store.kind === "rocksdb";
    const why = whyAside(isKept, before?.epoch ?? null, leadership);
    const code = this.#change(() => {
      if (why !== null) this.#putAside(why);
      const clusterId = existsSync(join(this.#path, STORE)) ? (before?.clusterId ?? null) : null;
      this.#kept = isKept ? { epoch: leadership.epoch ?? before?.epoch ?? null, clusterId } : null;
      if (this.#kept !== null) this.#write(RECORD, JSON.stringify(this.#kept), true);
    });
    if (code === null) return this.#damage(store);
    if (store.kind === "none" && store.why !== "unwritable") return null;
    return { reason: "state-unwritable", folder: this.#path, code };
  }

  /** Without that file Ray gives its session another name than the store has, and ends with an AssertionError (node.py, 2.60). */
  #damage(store: StoreChoice): Failure | null {
    if (store.kind === "none" || !this.holdsCluster()) return null;
    const name = this.#read(() => readRegular(join(store.folder, SESSION_NAME)));
    const saw = `its file ${SESSION_NAME} is missing, empty or unreadable`;
    return name?.trim() ? null : { reason: "store-failed", folder: store.folder, saw };
  }

  renewed(epoch: number): void {
    if (this.#kept !== null && this.#kept.epoch !== epoch) this.#record({ ...this.#kept, epoch });
  }

  serves(clusterId: string): string | null {
    const before = this.#kept;
    if (before !== null) this.#record({ ...before, clusterId });
    return before?.clusterId ?? null;
  }

  follow(): void {
    this.#kept = null;
    this.#change(() => this.#putAside("follows"));
  }

  holdsCluster(): boolean {
    return (this.#kept?.clusterId ?? null) !== null;
  }

  get #recorded(): Kept | undefined {
    return this.#read(() => Kept.parse(JSON.parse(readRegular(join(this.#path, RECORD)) ?? "")));
  }

  /** What cannot be written now is written with the next renewal. */
  #record(kept: Kept): void {
    if (this.#change(() => this.#write(RECORD, JSON.stringify(kept), true)) === null) this.#kept = kept;
  }

  /** `flush`: on the disk, before it is replaced. */
  #write(name: string, text: string, flush = false): void {
    replaceFile(join(this.#path, name), text, 0o600, flush);
  }

  #putAside(why: WhyAside): void {
    if (!existsSync(join(this.#path, STORE))) return;
    const name = `${ASIDE}${new Date().toISOString().replaceAll(":", "-")}`;
    renameSync(join(this.#path, STORE), join(this.#path, name));
    this.#log({ type: "state-aside", why, to: join(this.#path, name) });
    // Their names are times of the wall clock, which may have been set back since.
    const older = readdirSync(this.#path).filter((each) => each.startsWith(ASIDE) && each !== name);
    for (const each of older.toSorted().slice(0, 1 - MAX_ASIDE))
      rmSync(join(this.#path, each), { recursive: true, force: true });
  }

  /** Undefined where the system, or the grammar of what was read, refuses. */
  #read<T>(work: () => T): T | undefined {
    return attempt(() => asUser(this.#user, work));
  }

  /** Null where it is done, else the code of the error. */
  #change(work: () => void): string | null {
    try {
      asUser(this.#user, work);
      return null;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? "unknown";
    }
  }
}
