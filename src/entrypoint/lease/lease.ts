import { formatAddress } from "../../common/address.ts";
import { LEASE_TTL_S, RENEW_DEADLINE_S, RENEW_EVERY_S } from "../../common/protocol/lease-protocol.ts";
import type { Config } from "../config/config.ts";
import type { Deps } from "../deps.ts";
import type { LeaseFact } from "../election/facts.ts";
import type { Fault } from "../ray/verdict.ts";
import { describeRenewal, successorIn } from "./lease-answer.ts";

export interface LeaseSettings {
  readonly config: Config;
  /** Names this run of this process, so that the service can tell a restart from a duplicate. */
  readonly runId: string;
  /** Called at each renewal with how long this HEAD may go on without another, in milliseconds since boot. */
  readonly onRenewed: (untilMs: number) => void;
  /** Called once with why this node may lead no more. */
  readonly onLost: (fault: Fault) => void;
}

const RELEASE_TIMEOUT_MS = 1000;
/** The shortest life of a lease under which strict fencing can keep its deadline (docs/faults.md 4.1). */
const MIN_STRICT_TTL_S = 1.2 * RENEW_DEADLINE_S;

/** The head lease, as this node asks for it, renews it and gives it back. Decides nothing else. */
export class Lease {
  readonly #settings: LeaseSettings;
  readonly #deps: Pick<Deps, "clock" | "health" | "log">;
  readonly #strict: boolean;
  #epoch: number | null = null;
  #highestEpochSeen: number | null = null;
  /** Grows with each request about the lease, so that one that arrives late changes nothing. */
  #seq = 0;
  /** The request that gave the lease back last. */
  #releasedSeq = 0;
  /**
   * When the last granted request was sent, in milliseconds since boot. The lease runs from about then, also while we
   * are suspended.
   */
  #renewedAtMs = 0;
  #clusterId: string | null = null;
  #lastOk: boolean | null = null;
  #renewing: AbortController | null = null;

  constructor(settings: LeaseSettings, deps: Pick<Deps, "clock" | "health" | "log">) {
    this.#settings = settings;
    this.#deps = deps;
    this.#strict = settings.config.fencing === "strict";
  }

  /** True while this node holds the lease, as far as it knows. */
  get held(): boolean {
    return this.#epoch !== null;
  }

  /** The epoch of this node's lease, as far as it knows; 0 if it holds none. */
  get epoch(): number {
    return this.#epoch ?? 0;
  }

  /** How long a HEAD may go on without another renewal, in milliseconds since boot. */
  get untilMs(): number {
    return this.#renewedAtMs + RENEW_DEADLINE_S * 1000;
  }

  /** The highest epoch that this node has heard of; null before the first. */
  get highestEpochSeen(): number | null {
    return this.#highestEpochSeen;
  }

  /** The health service named this epoch: one that forgets it must not grant it again. */
  see(epoch: number): void {
    this.#highestEpochSeen = Math.max(this.#highestEpochSeen ?? 0, epoch);
  }

  /**
   * Asks once. `others` says whether every other candidate was answered for. A grant that comes when `unwanted` has
   * aborted is given back at once: nobody would lead under it.
   */
  async ask(others: "answered" | "silent", unwanted?: AbortSignal): Promise<LeaseFact> {
    const { clock, health } = this.#deps;
    const sentAtMs = clock.bootMs();
    this.#seq += 1;
    const seq = this.#seq;
    const answer = await health.askLease(this.#request(others), this.#timeoutMs);
    if (answer.kind !== "no-answer") this.see(answer.epoch);
    // A release was sent meanwhile, and what it ended is not held any more.
    if (seq > this.#releasedSeq) this.#take(answer, sentAtMs);
    if (answer.kind !== "granted") return answer;
    // A later request of this node's about the lease is the one that counts.
    if (unwanted?.aborted && seq === this.#seq) await this.release();
    return this.#isTooShort(answer.ttl) ? this.#refuse(answer.ttl) : answer;
  }

  #request(others: "answered" | "silent"): Parameters<Deps["health"]["askLease"]>[0] {
    const { config, runId } = this.#settings;
    return {
      node: config.node,
      life: runId,
      address: formatAddress(config.ownAddress),
      clusterId: this.#clusterId,
      epoch: this.#epoch,
      others,
      strict: this.#strict,
      seq: this.#seq,
      ...(this.#highestEpochSeen === null ? {} : { seen: this.#highestEpochSeen }),
    };
  }

  /** Half of what is left must do for a second try (docs/faults.md 4.1). */
  get #timeoutMs(): number {
    return Math.min(this.#settings.config.values.HEALTH_TIMEOUT, (RENEW_DEADLINE_S * 1000) / 2);
  }

  #take(answer: LeaseFact, sentAtMs: number): void {
    if (answer.kind === "granted") {
      this.#epoch = answer.epoch;
      if (this.#isTooShort(answer.ttl)) return;
      this.#renewedAtMs = sentAtMs;
      this.#settings.onRenewed(this.untilMs);
    }
    // A later holder exists or existed: what we held is over, and only a new grant makes us holder again.
    if (answer.kind === "refused" && answer.reason === "stale-epoch") this.#epoch = null;
  }

  /** Strict: the lease must outlive the deadline at which this HEAD ends its Ray. */
  #isTooShort(ttl: number): boolean {
    return this.#strict && ttl < MIN_STRICT_TTL_S;
  }

  /** A HEAD that leads already gives nothing back while its Ray runs: its deadline passes, and that ends it. */
  async #refuse(ttl: number): Promise<LeaseFact> {
    if (this.#renewing === null) await this.release();
    return {
      kind: "no-answer",
      cause: `the lease lives for ${ttl} s, and strict fencing wants ${MIN_STRICT_TTL_S} s at least (RAY_EP_LEASE_TTL of the health service)`,
    };
  }

  /** Renews every two seconds until `release` or `stop`. A lease that could not be had before is asked for again. */
  keep(): void {
    if (this.#renewing !== null) return;
    this.#renewing = new AbortController();
    void this.#renewLoop(this.#renewing.signal);
  }

  /** From now on the renewals carry the cluster id, which shows that this HEAD served. */
  serving(clusterId: string): void {
    this.#clusterId = clusterId;
  }

  /** Ray and its cluster have ended. A node that still named the cluster would look like a living HEAD. */
  ended(): void {
    this.#clusterId = null;
  }

  stop(): void {
    this.#renewing?.abort();
    this.#renewing = null;
  }

  /** Another node leads, and this one joins it: what it may still hold is over, and it asks for a new epoch next time. */
  follow(): void {
    this.stop();
    this.#epoch = null;
  }

  /** Gives the lease back, so that a successor need not wait. To be called when Ray is gone, never before. */
  async release(): Promise<void> {
    this.stop();
    if (this.#epoch === null) return;
    const { node, values } = this.#settings.config;
    this.#seq += 1;
    this.#releasedSeq = this.#seq;
    const released = await this.#deps.health.releaseLease(
      { node, life: this.#settings.runId, epoch: this.#epoch, seq: this.#seq },
      // A stop has 1.5 s between our KILL and the engine's (command.ts).
      Math.min(values.HEALTH_TIMEOUT, RELEASE_TIMEOUT_MS),
    );
    this.#epoch = null;
    const cause = released.ok
      ? "Head lease released"
      : `Head lease not released: ${released.error}; it ends by itself in ${LEASE_TTL_S} s`;
    this.#deps.log({ type: "lease-renewal", ok: released.ok, cause });
  }

  async #renewLoop(signal: AbortSignal): Promise<void> {
    while (await this.#deps.clock.pause(this.#untilNextMs(), signal)) {
      // After a pause of the whole machine the time is over before another request: a service that forgot would grant it.
      const fault = this.#expired() ?? (await this.#renew(signal));
      if (signal.aborted) return;
      if (fault === null) continue;
      // From now on this node holds nothing, whatever the service believes.
      this.#epoch = null;
      this.stop();
      return this.#settings.onLost(fault);
    }
  }

  async #renew(signal: AbortSignal): Promise<Fault | null> {
    const answer = await this.ask("silent");
    if (signal.aborted) return null;
    this.#tell(answer);
    return successorIn(answer, this.#settings.config.node, this.#epoch) ?? this.#expired();
  }

  /** Strict: at the deadline at the latest, whatever the step. */
  #untilNextMs(): number {
    const stepMs = RENEW_EVERY_S * 1000;
    const leftMs = Math.max(0, this.untilMs - this.#deps.clock.bootMs());
    return this.#strict ? Math.min(stepMs, leftMs) : stepMs;
  }

  /**
   * Two GCSes on one store corrupt it, so that a strict HEAD that cannot renew must end before its lease does
   * (docs/faults.md 4.5); also one whose epoch is over: it led under a lease, and that one's time runs on.
   */
  #expired(): Fault | null {
    const forMs = this.#deps.clock.bootMs() - this.#renewedAtMs;
    return this.#strict && forMs >= RENEW_DEADLINE_S * 1000 ? { kind: "lease-lost", forMs } : null;
  }

  #tell(answer: LeaseFact): void {
    const ok = answer.kind === "granted";
    // Nothing is lost if the service keeps no lease and this node never had one.
    const expected = ok || (answer.kind === "no-answer" && answer.keepsNone);
    if (ok === this.#lastOk || (expected && this.#lastOk === null)) return;
    this.#lastOk = ok;
    const cause = describeRenewal(answer, this.#settings.config.fencing);
    this.#deps.log({ type: "lease-renewal", ok, cause });
  }
}
