import { sameHost } from "../../common/address.ts";
import * as wire from "../../common/protocol/lease-protocol.ts";
import type { Keeping, Unavailable } from "./keeping.ts";
import { askLease, promoteLease, releaseLease } from "./lease.ts";
import * as lease from "./lease-state.ts";
import { OwnKeeping, type OwnKeepingSettings } from "./own-keeping.ts";

export interface LeaseStoreSettings extends OwnKeepingSettings {
  readonly ttlMs: number;
  /** Names this run, so that clients see when the service forgot. */
  readonly instance: string;
  readonly recalled: lease.Recalled;
  /** True where a life reports beside the owner of its name. */
  readonly isDuplicate: (node: string, life: string) => boolean;
  /** Where several services keep one lease; not given: this one alone keeps it. */
  readonly shared?: Keeping | undefined;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

/** A holder renews every two seconds: two attempts in a row have failed. */
const LATE_AFTER_MS = 2.5 * wire.RENEW_EVERY_S * 1000;

/** Keeps the lease: each request goes through the rules, and is kept before a grant is answered. */
export class LeaseStore {
  readonly #settings: LeaseStoreSettings;
  readonly #keeping: Keeping;
  /** How often each thing happened, for /metrics. */
  readonly tally = new Map<string, number>();

  constructor(settings: LeaseStoreSettings) {
    const { recalled, shared, now, ttlMs } = settings;
    this.#settings = settings;
    this.#keeping = shared ?? new OwnKeeping(lease.startLease(recalled, now(), ttlMs), settings);
  }

  get stored(): boolean {
    return this.#keeping.stored;
  }

  /** Writes what is known: a folder that cannot be written is told at the start, not at the first grant. */
  async open(): Promise<void> {
    if (this.#settings.shared) await this.#keeping.look();
    else await this.#keeping.change((state) => ({ state, what: "news", answer: () => undefined }));
  }

  /** Looks at the lease as it is now; null, or why it cannot be seen. */
  look(): Promise<Unavailable | null> {
    return this.#keeping.look();
  }

  /** Asks for the lease or renews it: the 200 or the 409 of `PUT /v1/head`. */
  ask(request: wire.LeaseRequest): Promise<wire.LeaseGranted | wire.LeaseRefused | Unavailable> {
    const { instance, ttlMs, isDuplicate, now } = this.#settings;
    const { node, life } = request;
    return this.#keeping.change<wire.LeaseGranted | wire.LeaseRefused>((before) => {
      const step = askLease(before, request, now(), ttlMs);
      if ("reason" in step) {
        const isProven = step.reason === "same-name" && isDuplicate(node, life);
        const reason = isProven ? "duplicate-name" : step.reason;
        return { ...step, what: "none", answer: () => this.refuse(request, reason, step.retryAfterMs) };
      }
      const { how, epoch, state } = step;
      // That a HEAD serves is kept as well.
      const isNews =
        state.last?.epoch !== before.last?.epoch || state.last?.clusterId !== before.last?.clusterId;
      const answer = (): wire.LeaseGranted => {
        this.#tell(how, request, before, epoch);
        return { granted: true, epoch, soleSince: state.sole.since, ttl: ttlMs / 1000, instance };
      };
      const otherwise = how === "grant" ? () => this.refuse(request, "storage") : undefined;
      return { state, what: isNews ? "news" : "renewal", answer, otherwise };
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
  release(release: wire.LeaseRelease): Promise<wire.LeaseReleased | Unavailable> {
    const { instance, ttlMs, now, log } = this.#settings;
    const { node, epoch, returning = false } = release;
    return this.#keeping.change((before) => {
      const state = releaseLease(before, release, now(), ttlMs);
      const released = state.last !== before.last;
      const answer = (): wire.LeaseReleased => {
        if (released) log({ type: "released", node, epoch, returning });
        this.#count(released ? "release" : "release-by-stranger");
        return { released, epoch: state.highestEpochSeen, instance };
      };
      // A release that is lost costs one TTL after a restart, so it counts also where it cannot be kept.
      return { state, what: released ? "news" : "none", answer };
    });
  }

  /** The lease of a node that is removed ends now; a strict one has its time, in which its Ray may still write. */
  async end(node: string): Promise<void> {
    const { ttlMs, now, log } = this.#settings;
    await this.#keeping.change((before) => {
      const hold = lease.holdIn(before);
      if (hold === null || hold.strict || !sameHost(hold.node, node))
        return { state: before, what: "none", answer: () => undefined };
      const state = releaseLease(before, { ...hold, seq: undefined, returning: false }, now(), ttlMs);
      const answer = () => log({ type: "released", node, epoch: hold.epoch, returning: false });
      return { state, what: "news", answer };
    });
  }

  /** A store that lacks epochs which were seen counts from now on. */
  promote(): Promise<{ readonly epoch: number } | Unavailable> {
    const { log } = this.#settings;
    return this.#keeping.change((before) => {
      const state = promoteLease(before);
      const { epoch } = state;
      const isNews = state !== before;
      const answer = () => {
        if (isNews) log({ type: "store-promoted", epoch });
        return { epoch };
      };
      return { state, what: isNews ? "news" : "none", answer };
    });
  }

  /** What is kept for the next run, or for another service. */
  memory(): lease.Memory {
    return lease.memoryOf(this.#keeping.state);
  }

  /** Goes on with what another service remembers, as after a start. */
  async restore(memory: lease.Memory): Promise<void> {
    const { now, ttlMs } = this.#settings;
    await this.#keeping.change((before) => {
      const isNews = JSON.stringify(memory) !== JSON.stringify(lease.memoryOf(before));
      const state = lease.startLease({ kind: "kept", ...memory }, now(), ttlMs);
      return { state, what: isNews ? "news" : "none", answer: () => undefined };
    });
  }

  seeEpoch(epoch: number): Promise<void> {
    return this.#keeping.seeEpoch(epoch);
  }

  isLastHolder(node: string, life: string): boolean {
    const { last } = this.#keeping.state;
    return last?.life === life && sameHost(last.node, node);
  }

  view() {
    const { instance, ttlMs, now } = this.#settings;
    return { instance, ttl: ttlMs / 1000, ...lease.viewOf(this.#keeping.state, now(), ttlMs) };
  }

  /** Resolves when no write is under way. */
  settled(): Promise<unknown> {
    return this.#keeping.settled();
  }

  #count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }
}
