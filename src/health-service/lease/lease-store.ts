import type {
  ClusterView,
  LeaseGranted,
  LeaseRefused,
  LeaseRelease,
  LeaseReleased,
  LeaseRequest,
} from "../../common/protocol/lease-protocol.ts";
import { err, type Result } from "../../common/result.ts";
import type { Event } from "../event.ts";
import type { Registry } from "../registry.ts";
import { askLease, releaseLease, seeEpoch } from "./lease.ts";
import {
  ASK_AGAIN_MS,
  type Granted,
  type Hold,
  type LeaseSettings,
  type LeaseState,
  startLease,
  viewOf,
} from "./lease-state.ts";
import { explainRefusal } from "./refusal.ts";
import { inTime, type Recalled, type StateFile } from "./state-file.ts";

export interface LeaseStoreSettings {
  readonly instance: string;
  readonly lease: LeaseSettings;
  readonly names: Pick<Registry, "lead" | "isDuplicate">;
  /** Null: the lease lives in memory alone. */
  readonly file: Pick<StateFile, "path" | "save"> | null;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
  readonly log: (event: Event) => void;
  /** Waits `ms`, or until the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** Nodes wait a second for an answer, and a renewal that stands behind a write shall not miss that. */
const SAVE_TIMEOUT_MS = 700;

/** Keeps the lease: one request at a time through the rules, on disk before a grant is answered. */
export class LeaseStore {
  readonly #settings: LeaseStoreSettings;
  #state: LeaseState;
  /** Requests stand in line behind a write under way: what they find must be what was kept. */
  #line: Promise<unknown> = Promise.resolve();
  /** A write of which the disk has not told its end; there is none beside it, so that nothing older comes after something newer. */
  #writing = false;
  /** False while the state cannot be written. */
  stored = true;
  /** How often each thing happened since the start; for /metrics. */
  readonly tally = new Map<string, number>();

  constructor(settings: LeaseStoreSettings, recalled: Recalled) {
    this.#settings = settings;
    const epochSeen = recalled.kind === "damaged" ? recalled.epoch : 0;
    const memory = recalled.kind === "kept" ? recalled.memory : null;
    this.#state = startLease(memory, epochSeen, settings.now(), settings.lease);
  }

  /** Writes what is known, so that a folder that cannot be written is told at the start and not at the first grant. */
  async open(): Promise<void> {
    await this.#inLine(() => this.#save(this.#state));
  }

  /** Asks for the lease or renews it: the 200 or the 409 of `PUT /v1/head`. */
  ask(request: LeaseRequest): Promise<LeaseGranted | LeaseRefused> {
    return this.#inLine(() => this.#ask(request));
  }

  /** Refuses a request whose address is not the sender's, before any lease rule applies. */
  turnAway(request: LeaseRequest): LeaseRefused {
    return this.#refuse(request, "foreign-address");
  }

  release(release: LeaseRelease): Promise<LeaseReleased> {
    return this.#inLine(() => this.#release(release));
  }

  /** Takes note of an epoch that a node has seen. */
  seeEpoch(epoch: number): Promise<void> {
    return this.#inLine(async () => {
      this.#state = seeEpoch(this.#state, epoch);
    });
  }

  view(): Pick<ClusterView, "instance" | "ttl" | "epoch" | "holder" | "released" | "releasedBy"> {
    const { instance, lease, now } = this.#settings;
    return { instance, ttl: lease.ttlMs / 1000, ...viewOf(this.#state, now()) };
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    await this.#line;
  }

  #inLine<T>(job: () => Promise<T>): Promise<T> {
    const run = this.#line.then(job);
    this.#line = run.catch(() => {});
    return run;
  }

  async #ask(request: LeaseRequest): Promise<LeaseGranted | LeaseRefused> {
    const { now, lease, names } = this.#settings;
    const { node, life } = request;
    const before = this.#state.hold;
    const { state, answer } = askLease(this.#state, request, now(), lease);
    if (answer.kind === "refused") {
      this.#state = state;
      const isDuplicate = answer.reason === "same-name" && names.isDuplicate(node, life);
      return this.#refuse(request, isDuplicate ? "duplicate-name" : answer.reason, answer.retryAfterMs);
    }
    // That a HEAD serves is kept as well: who never served is followed without a delay.
    const isNews = state.hold?.epoch !== before?.epoch || state.hold?.clusterId !== before?.clusterId;
    const kept = (this.stored && !isNews) || (await this.#save(state));
    if (answer.how === "grant" && !kept) return this.#refuse(request, "storage");
    this.#state = state;
    return this.#grant(request, answer, before);
  }

  async #release(release: LeaseRelease): Promise<LeaseReleased> {
    const { state, released } = releaseLease(this.#state, release, this.#settings.now());
    this.#state = state;
    if (released) {
      // A release that is lost costs one TTL after a restart, so it counts also where it cannot be kept.
      await this.#save(state);
      const { node, life, epoch } = release;
      this.#settings.log({ type: "released", node, life, epoch });
    }
    this.#count(released ? "release" : "release-by-stranger");
    return { released, epoch: state.highestEpochSeen, instance: this.#settings.instance };
  }

  #grant({ node, life, address }: LeaseRequest, { how, epoch }: Granted, before: Hold | null): LeaseGranted {
    const { instance, lease, names, log } = this.#settings;
    this.#count(how);
    names.lead(node, life);
    if (how !== "renewal")
      log({ type: "granted", how, node, life, address, epoch, before: before?.node ?? null });
    return { granted: true, epoch, ttl: lease.ttlMs / 1000, instance };
  }

  #refuse(request: LeaseRequest, reason: LeaseRefused["reason"], retryAfterMs = ASK_AGAIN_MS): LeaseRefused {
    const { node, life } = request;
    const { epoch, holder } = viewOf(this.#state, this.#settings.now());
    const message = explainRefusal(reason, request, holder, epoch);
    this.#count(`refused-${reason}`);
    this.#settings.log({ type: "refused", node, life, reason, message });
    const { instance } = this.#settings;
    const retryAfter = Math.ceil(retryAfterMs) / 1000;
    return { granted: false, reason, message, holder, epoch, retryAfter, instance };
  }

  async #save(state: LeaseState): Promise<boolean> {
    const { file, log } = this.#settings;
    if (file === null) return true;
    const saved = this.#writing ? err("the write before has not ended") : await this.#write(file, state);
    if (!saved.ok) log({ type: "storage", ok: false, file: file.path, cause: saved.error });
    else if (!this.stored) log({ type: "storage", ok: true, file: file.path });
    this.stored = saved.ok;
    return saved.ok;
  }

  /** A write that comes too late is none, though its state may still reach the disk. */
  #write(file: Pick<StateFile, "save">, state: LeaseState): Promise<Result<void, string>> {
    this.#writing = true;
    const saved = file.save(state).finally(() => {
      this.#writing = false;
    });
    return inTime(SAVE_TIMEOUT_MS, saved, this.#settings.pause);
  }

  #count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }
}
