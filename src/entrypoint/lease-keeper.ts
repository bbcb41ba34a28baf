import { LEASE_TTL_S, RENEW_DEADLINE_S, RENEW_EVERY_S } from "../common/lease-protocol.ts";
import type { LeaseFact } from "./facts.ts";
import { describeRenewal, successorIn } from "./lease-answer.ts";
import { LEAST_STRICT_TTL_S, LeaseTalk, type LeaseTalkSettings } from "./lease-talk.ts";
import type { Trouble } from "./watch.ts";

export interface LeaseKeeperSettings extends LeaseTalkSettings {
  /** Hears each renewal's outcome when it differs from the one before. */
  readonly onChange: (ok: boolean, cause: string) => void;
  /** Hears, once, why this node may lead no more. */
  readonly onDeposed: (trouble: Trouble) => void;
}

/** Keeps the head lease while this node leads: asks for it, renews it, gives it back. Decides nothing else. */
export class LeaseKeeper {
  readonly #settings: LeaseKeeperSettings;
  readonly #talk: LeaseTalk;
  #clusterId: string | null = null;
  #lastOk: boolean | null = null;
  #renewing: AbortController | null = null;

  constructor(settings: LeaseKeeperSettings) {
    this.#settings = settings;
    this.#talk = new LeaseTalk(settings);
  }

  /** True while this node holds the lease, as far as it knows. */
  get held(): boolean {
    return this.#talk.epoch !== null;
  }

  /** The epoch of this node's lease, as far as it knows; 0 if it holds none. */
  get epoch(): number {
    return this.#talk.epoch ?? 0;
  }

  /** How long a HEAD may go on without another renewal, in milliseconds since boot. */
  get untilMs(): number {
    return this.#talk.untilMs;
  }

  /** The highest epoch that this node has heard of; null before the first. */
  get seen(): number | null {
    return this.#talk.seen;
  }

  /** Some word of the health service named this epoch: one that forgot it must not grant it again. */
  hear(epoch: number): void {
    this.#talk.hear(epoch);
  }

  /**
   * Asks once. `others` says whether every other candidate was answered for. A grant that comes when `unwanted` has
   * aborted is given back at once: nobody would lead under it.
   */
  async ask(others: "answered" | "silent", unwanted?: AbortSignal): Promise<LeaseFact> {
    const asking = this.#talk.ask(others, this.#clusterId);
    const asked = this.#talk.lastSeq;
    const answer = await asking;
    // A later word of this node's about the lease is the one that counts.
    if (answer.kind === "granted" && unwanted?.aborted && asked === this.#talk.lastSeq) await this.release();
    if (answer.kind !== "granted" || !this.#talk.isTooShort(answer.ttl)) return answer;
    return this.#giveUp(answer.ttl, this.#renewing === null);
  }

  /** A HEAD that leads already gives nothing back while its Ray runs: its deadline passes, and that ends it. */
  async #giveUp(ttl: number, letGo: boolean): Promise<LeaseFact> {
    if (letGo) await this.release();
    return {
      kind: "no-answer",
      cause: `the lease lives for ${ttl} s, and strict fencing wants ${LEAST_STRICT_TTL_S} s at least (RAY_EP_LEASE_TTL of the health service)`,
    };
  }

  /** Renews every two seconds until `release` or `stop`. A lease that could not be had before is asked for again. */
  keep(): void {
    if (this.#renewing !== null) return;
    const stop = new AbortController();
    this.#renewing = stop;
    void this.#renewLoop(stop.signal);
  }

  /** Ray and its cluster have ended. A node that still named the cluster would look like a living HEAD. */
  ended(): void {
    this.#clusterId = null;
  }

  /** From now on the renewals carry the cluster id, which shows that this HEAD served. */
  serving(clusterId: string): void {
    this.#clusterId = clusterId;
  }

  stop(): void {
    this.#renewing?.abort();
    this.#renewing = null;
  }

  /** Another node leads, and this one joins it: what it may still hold is over, and it asks for a new epoch next time. */
  follow(): void {
    this.stop();
    this.#talk.forget();
  }

  /** Gives the lease back, so that a successor need not wait. To be called when Ray is gone, never before. */
  async release(): Promise<void> {
    this.stop();
    const released = await this.#talk.release();
    if (released === null) return;
    const words = released.ok
      ? "Head lease released"
      : `Head lease not released: ${released.error}; it ends by itself in ${LEASE_TTL_S} s`;
    this.#settings.onChange(released.ok, words);
  }

  async #renewLoop(signal: AbortSignal): Promise<void> {
    const { clock } = this.#settings;
    while (await clock.pause(this.#untilNextMs(), signal)) {
      // After a pause of the whole machine the time is over before another word: a service that forgot would grant it.
      const trouble = this.#lost() ?? (await this.#renew(signal));
      if (signal.aborted) return;
      if (trouble === null) continue;
      this.#talk.forget();
      this.stop();
      return this.#settings.onDeposed(trouble);
    }
  }

  async #renew(signal: AbortSignal): Promise<Trouble | null> {
    const answer = await this.ask("silent");
    if (signal.aborted) return null;
    this.#tell(answer);
    return successorIn(answer, this.#settings.config.node, this.#talk.epoch) ?? this.#lost();
  }

  /** Strict: at the deadline at the latest, whatever the step. */
  #untilNextMs(): number {
    const stepMs = RENEW_EVERY_S * 1000;
    return this.#mustRenew ? Math.min(stepMs, this.#talk.leftMs) : stepMs;
  }

  /** Two GCSes on one store corrupt it, so that a HEAD that cannot renew must end before its lease does (docs/faults.md 4.5). */
  #lost(): Trouble | null {
    const forMs = this.#talk.unrenewedMs;
    return this.#mustRenew && forMs >= RENEW_DEADLINE_S * 1000 ? { kind: "lease-lost", forMs } : null;
  }

  /** Also a HEAD whose epoch is over: it led under a lease, and that one's time runs on. */
  get #mustRenew(): boolean {
    return this.#settings.config.fencing === "strict";
  }

  #tell(answer: LeaseFact): void {
    const ok = answer.kind === "granted";
    // Nothing is lost if the service keeps no lease and this node never had one.
    const expected = ok || (answer.kind === "no-answer" && answer.keepsNone);
    if (ok === this.#lastOk || (expected && this.#lastOk === null)) return;
    this.#lastOk = ok;
    this.#settings.onChange(ok, describeRenewal(answer, this.#settings.config.fencing));
  }
}
