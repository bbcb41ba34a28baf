import { formatAddress } from "../../common/address.ts";
import { MIN_TTL_S, RENEW_DEADLINE_S } from "../../common/protocol/lease-protocol.ts";
import type { Config } from "../config/config.ts";
import type { Deps } from "../deps.ts";
import type { LeaseFact } from "../election/facts.ts";
import type { Fault } from "../ray/verdict.ts";
import { describeRelease, renewalTeller, tooShort } from "./lease-answer.ts";
import { untilLost } from "./renewals.ts";

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

/** The head lease, as this node asks for it, renews it and gives it back. Decides nothing else. */
export class Lease {
  readonly #settings: LeaseSettings;
  readonly #deps: Pick<Deps, "clock" | "health" | "log">;
  readonly #strict: boolean;
  readonly #tell: ReturnType<typeof renewalTeller>;
  #heldEpoch: number | null = null;
  #soleSince: number | null = null;
  #highestEpochSeen: number | null = null;
  #previousLife: string | null = null;
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
  #renewing: AbortController | null = null;

  constructor(settings: LeaseSettings, deps: Pick<Deps, "clock" | "health" | "log">) {
    this.#settings = settings;
    this.#deps = deps;
    this.#strict = settings.config.fencing === "strict";
    this.#tell = renewalTeller(settings.config.fencing, deps.log);
  }

  /** The epoch of the lease that this node holds, as far as it knows; null if it holds none. */
  get heldEpoch(): number | null {
    return this.#heldEpoch;
  }

  /**
   * The epoch since which no other node has held the lease that this node holds: a store of its GCS that was written before it
   * may be older than another cluster. Null where this node holds none, or the service does not say.
   */
  get soleSince(): number | null {
    return this.#heldEpoch === null ? null : this.#soleSince;
  }

  /** How long a HEAD may go on without another renewal, in milliseconds since boot. */
  get untilMs(): number {
    return this.#renewedAtMs + RENEW_DEADLINE_S * 1000;
  }

  /** The highest epoch that this node has heard of; null before the first. */
  get highestEpochSeen(): number | null {
    return this.#highestEpochSeen;
  }

  /** This run is proven to succeed that one: it has its state folder, and no Ray of that folder is alive. */
  succeed(life: string): void {
    this.#previousLife = life;
  }

  /** The health service, or a store of this node's, named this epoch: one that forgets it must not grant it again. */
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
    if (!this.#isTooShort(answer.ttl)) return answer;
    // A HEAD that leads already gives nothing back while its Ray runs: its deadline passes, and that ends it.
    if (this.#renewing === null) await this.release();
    return tooShort(answer.ttl);
  }

  #request(others: "answered" | "silent"): Parameters<Deps["health"]["askLease"]>[0] {
    const { config, runId } = this.#settings;
    return {
      node: config.node,
      life: runId,
      address: formatAddress(config.ownAddress),
      clusterId: this.#clusterId,
      epoch: this.#heldEpoch,
      others,
      strict: this.#strict,
      seq: this.#seq,
      ...(this.#previousLife === null ? {} : { after: this.#previousLife }),
      ...(this.#highestEpochSeen === null ? {} : { seen: this.#highestEpochSeen }),
    };
  }

  /** Half of what is left must do for a second try (docs/faults.md 4.1). */
  get #timeoutMs(): number {
    return Math.min(this.#settings.config.values.HEALTH_TIMEOUT, (RENEW_DEADLINE_S * 1000) / 2);
  }

  #take(answer: LeaseFact, sentAtMs: number): void {
    if (answer.kind === "granted") {
      this.#heldEpoch = answer.epoch;
      this.#soleSince = answer.soleSince ?? null;
      if (this.#isTooShort(answer.ttl)) return;
      this.#renewedAtMs = sentAtMs;
      this.#settings.onRenewed(this.untilMs);
    }
    // A later holder exists or existed: what we held is over, and only a new grant makes us holder again.
    if (answer.kind === "refused" && answer.reason === "stale-epoch") this.#heldEpoch = null;
  }

  /** Strict: the lease must outlive the deadline at which this HEAD ends its Ray. */
  #isTooShort(ttl: number): boolean {
    return this.#strict && ttl < MIN_TTL_S;
  }

  /** Renews every two seconds until `release` or `stop`. A lease that could not be had before is asked for again. */
  keep(): void {
    if (this.#renewing !== null) return;
    const renewing = new AbortController();
    this.#renewing = renewing;
    const { config, onLost } = this.#settings;
    void untilLost(this, config, this.#tell, this.#deps.clock, renewing.signal).then((fault) => {
      if (fault === null || renewing.signal.aborted) return;
      // From now on this node holds nothing, whatever the service believes.
      this.follow();
      onLost(fault);
    });
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
    this.#heldEpoch = null;
  }

  /**
   * Gives the lease back, so that a successor need not wait. To be called when Ray is gone, never before. `returning`: this node has
   * the state of its cluster, and the other candidates wait for it as for a HEAD that was lost.
   */
  async release(returning = false): Promise<void> {
    this.stop();
    if (this.#heldEpoch === null) return;
    const { node, values } = this.#settings.config;
    this.#seq += 1;
    this.#releasedSeq = this.#seq;
    const released = await this.#deps.health.releaseLease(
      { node, life: this.#settings.runId, epoch: this.#heldEpoch, seq: this.#seq, returning },
      // A stop has 1.5 s between our KILL and the engine's (command.ts).
      Math.min(values.HEALTH_TIMEOUT, RELEASE_TIMEOUT_MS),
    );
    this.#heldEpoch = null;
    this.#deps.log({ type: "lease-renewal", ok: released.ok, cause: describeRelease(released, returning) });
  }
}
