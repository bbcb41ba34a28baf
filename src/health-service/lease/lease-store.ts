import { sameHost } from "../../common/address.ts";
import * as wire from "../../common/protocol/lease-protocol.ts";
import { err } from "../../common/result.ts";
import type { Event } from "../event.ts";
import { askLease, releaseLease, seeEpoch } from "./lease.ts";
import * as lease from "./lease-state.ts";
import { inTime, type StateFile } from "./state-file.ts";

export interface LeaseStoreSettings {
  readonly ttlMs: number;
  /** Names this run, so that clients see when the service forgot. */
  readonly instance: string;
  readonly recalled: lease.Recalled;
  /** True where a life reports beside the owner of its name. */
  readonly isDuplicate: (node: string, life: string) => boolean;
  readonly file: Pick<StateFile, "path" | "save"> | null;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<unknown>;
  readonly log: (event: Event) => void;
}

/** A node waits a second for the answer to a renewal, which may stand behind a write. */
const SAVE_TIMEOUT_MS = 700;

/** A holder renews every two seconds: two attempts in a row have failed. */
const LATE_AFTER_MS = 2.5 * wire.RENEW_EVERY_S * 1000;

/** Keeps the lease: one request at a time through the rules, on disk before a grant is answered. */
export class LeaseStore {
  readonly #settings: LeaseStoreSettings;
  #state: lease.LeaseState;
  /** What a request finds must be what was kept. */
  #line: Promise<unknown> = Promise.resolve();
  /** There is no write beside one under way, so that nothing older comes after something newer. */
  #writing = false;
  stored = true;
  /** How often each thing happened, for /metrics. */
  readonly tally = new Map<string, number>();

  constructor(settings: LeaseStoreSettings) {
    this.#settings = settings;
    this.#state = lease.startLease(settings.recalled, settings.now(), settings.ttlMs);
  }

  /** Writes what is known: a folder that cannot be written is told at the start, not at the first grant. */
  open(): Promise<boolean> {
    return this.#inLine(() => this.#save(this.#state));
  }

  /** Asks for the lease or renews it: the 200 or the 409 of `PUT /v1/head`. */
  ask(request: wire.LeaseRequest): Promise<wire.LeaseGranted | wire.LeaseRefused> {
    return this.#inLine(async () => {
      const { instance, ttlMs, isDuplicate, now } = this.#settings;
      const { node, life } = request;
      const before = this.#state;
      const step = askLease(before, request, now(), ttlMs);
      if ("reason" in step) {
        this.#state = step.state;
        const isProven = step.reason === "same-name" && isDuplicate(node, life);
        return this.refuse(request, isProven ? "duplicate-name" : step.reason, step.retryAfterMs);
      }
      const { how, epoch, state } = step;
      // That a HEAD serves is kept as well.
      const isNews =
        state.last?.epoch !== before.last?.epoch || state.last?.clusterId !== before.last?.clusterId;
      const kept = (this.stored && !isNews) || (await this.#save(state));
      if (how === "grant" && !kept) return this.refuse(request, "storage");
      this.#state = state;
      this.#tell(how, request, before, epoch);
      return { granted: true, epoch, soleSince: state.sole.since, ttl: ttlMs / 1000, instance };
    });
  }

  #tell(
    how: "grant" | "recognition" | "adoption" | "renewal",
    { node, life, address }: wire.LeaseRequest,
    before: lease.LeaseState,
    epoch: number,
  ): void {
    const { now, log } = this.#settings;
    const { last } = before;
    this.#count(how);
    const headlessMs = last && now() - (last.releasedAtMs ?? last.renewedAtMs);
    const holder = lease.holdIn(before)?.node ?? null;
    if (how !== "renewal")
      log({ type: "granted", how, node, life, address, epoch, before: holder, headlessMs });
    else if ((headlessMs ?? 0) > LATE_AFTER_MS) this.#count("renewal-late");
  }

  refuse(
    request: wire.LeaseRequest,
    reason: wire.LeaseRefused["reason"],
    retryAfterMs = lease.ASK_AGAIN_MS,
  ): wire.LeaseRefused {
    const { instance, epoch, holder } = this.view();
    const message = lease.explainRefusal(reason, request, holder, epoch);
    this.#count(`refused-${reason}`);
    this.#settings.log({ type: "refused", node: request.node, reason, message });
    const retryAfter = Math.ceil(retryAfterMs) / 1000;
    return { granted: false, reason, message, holder, epoch, retryAfter, instance };
  }

  /** Gives the lease back: the 200 of `DELETE /v1/head`. */
  release(release: wire.LeaseRelease): Promise<wire.LeaseReleased> {
    return this.#inLine(async () => {
      const { instance, ttlMs, now, log } = this.#settings;
      const { node, epoch, returning = false } = release;
      const state = releaseLease(this.#state, release, now(), ttlMs);
      const released = state.last !== this.#state.last;
      this.#state = state;
      // A release that is lost costs one TTL after a restart, so it counts also where it cannot be kept.
      if (released) await this.#save(state);
      if (released) log({ type: "released", node, epoch, returning });
      this.#count(released ? "release" : "release-by-stranger");
      return { released, epoch: state.highestEpochSeen, instance };
    });
  }

  /** The lease of a node that is removed ends now; a strict one has its time, in which its Ray may still write. */
  end(node: string): Promise<void> {
    return this.#inLine(async () => {
      const hold = lease.holdIn(this.#state);
      if (hold === null || hold.strict || !sameHost(hold.node, node)) return;
      const { ttlMs, now, log } = this.#settings;
      this.#state = releaseLease(this.#state, { ...hold, seq: undefined, returning: false }, now(), ttlMs);
      await this.#save(this.#state);
      log({ type: "released", node, epoch: hold.epoch, returning: false });
    });
  }

  /** What is kept for the next run, or for another service. */
  memory(): lease.Memory {
    return lease.memoryOf(this.#state);
  }

  /** Goes on with what another service remembers, as after a start. */
  restore(memory: lease.Memory): Promise<void> {
    return this.#inLine(async () => {
      const { now, ttlMs } = this.#settings;
      const isNews = JSON.stringify(memory) !== JSON.stringify(this.memory());
      this.#state = lease.startLease({ kind: "kept", ...memory }, now(), ttlMs);
      if (isNews) await this.#save(this.#state);
    });
  }

  seeEpoch(epoch: number): Promise<void> {
    return this.#inLine(async () => {
      this.#state = seeEpoch(this.#state, epoch);
    });
  }

  isLastHolder(node: string, life: string): boolean {
    const { last } = this.#state;
    return last?.life === life && sameHost(last.node, node);
  }

  view() {
    const { instance, ttlMs, now } = this.#settings;
    return { instance, ttl: ttlMs / 1000, ...lease.viewOf(this.#state, now(), ttlMs) };
  }

  /** Resolves when no write is under way. */
  settled(): Promise<unknown> {
    return this.#line;
  }

  #inLine<T>(job: () => Promise<T>): Promise<T> {
    const run = this.#line.then(job);
    this.#line = run.catch(() => {});
    return run;
  }

  /** False where it cannot be written. A write that comes too late is none, though its state may still reach the disk. */
  async #save(state: lease.LeaseState): Promise<boolean> {
    const { file, log, pause } = this.#settings;
    if (file === null) return true;
    const write = () => {
      this.#writing = true;
      return file.save(lease.memoryOf(state)).finally(() => {
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

  #count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }
}
