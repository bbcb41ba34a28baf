import { formatAddress } from "../common/address.ts";
import type { Clock } from "../common/deadline.ts";
import { RENEW_DEADLINE_S } from "../common/lease-protocol.ts";
import type { Result } from "../common/result.ts";
import type { Config } from "./config.ts";
import type { LeaseFact } from "./facts.ts";
import type { HealthClient } from "./health-client.ts";

export interface LeaseTalkSettings {
  readonly clock: Clock;
  readonly config: Config;
  readonly client: Pick<HealthClient, "askLease" | "releaseLease">;
  /** Names this run of this process, so that the service can tell a restart from a namesake. */
  readonly life: string;
  /** Called at each renewal with how long this HEAD may go on without another, in milliseconds since boot. */
  readonly onRenewed: (untilMs: number) => void;
}

const RELEASE_TIMEOUT_MS = 1000;
/** The shortest life of a lease under which strict fencing can keep its deadline (docs/faults.md 4.1). */
export const LEAST_STRICT_TTL_S = 1.2 * RENEW_DEADLINE_S;

/** What was said of the head lease between this node and the health service, and what of it holds. */
export class LeaseTalk {
  readonly #settings: LeaseTalkSettings;
  #epoch: number | null = null;
  /** Grows with each word about the lease, so that one that arrives late changes nothing. */
  #seq = 0;
  /** The word that gave the lease back last. */
  #releasedSeq = 0;
  #seen: number | null = null;
  /**
   * When the last granted request was sent, in milliseconds since boot. The lease runs from about then, also while we
   * are suspended.
   */
  #renewedAtMs = 0;

  constructor(settings: LeaseTalkSettings) {
    this.#settings = settings;
  }

  /** The epoch under which this node holds the lease, as far as it knows; null where it does not. */
  get epoch(): number | null {
    return this.#epoch;
  }

  /** The number of the last word: whoever said one with a lower number is overtaken. */
  get lastSeq(): number {
    return this.#seq;
  }

  /** How long since the request was sent that was granted last. */
  get unrenewedMs(): number {
    return this.#settings.clock.bootMs() - this.#renewedAtMs;
  }

  /** How long a HEAD may go on without another renewal, in milliseconds since boot. */
  get untilMs(): number {
    return this.#renewedAtMs + RENEW_DEADLINE_S * 1000;
  }

  /** How long that is from now. */
  get leftMs(): number {
    return Math.max(0, this.untilMs - this.#settings.clock.bootMs());
  }

  /** The highest epoch that this node has heard of; null before the first. */
  get seen(): number | null {
    return this.#seen;
  }

  /** Some word of the health service named this epoch: one that forgot it must not grant it again. */
  hear(epoch: number): void {
    this.#seen = Math.max(this.#seen ?? 0, epoch);
  }

  /** Strict: the lease must outlive the deadline at which this HEAD ends its Ray. */
  isTooShort(ttl: number): boolean {
    return this.#settings.config.fencing === "strict" && ttl < LEAST_STRICT_TTL_S;
  }

  /** Asks for the lease, or renews it. `clusterId`: of this node's own GCS, once it was seen serving. */
  async ask(others: "answered" | "silent", clusterId: string | null): Promise<LeaseFact> {
    const { client, clock, config, life } = this.#settings;
    const sentAtMs = clock.bootMs();
    this.#seq += 1;
    const seq = this.#seq;
    const answer = await client.askLease(
      {
        node: config.node,
        life,
        address: formatAddress(config.ownAddress),
        clusterId,
        epoch: this.#epoch,
        others,
        strict: config.fencing === "strict",
        seq,
        ...(this.#seen === null ? {} : { seen: this.#seen }),
      },
      // Half of what is left must do for a second try (docs/faults.md 4.1).
      Math.min(config.values.HEALTH_TIMEOUT, (RENEW_DEADLINE_S * 1000) / 2),
    );
    if (answer.kind !== "no-answer") this.hear(answer.epoch);
    // A release was sent meanwhile, and what it ended is not held any more.
    if (seq > this.#releasedSeq) this.#take(answer, sentAtMs);
    return answer;
  }

  #take(answer: LeaseFact, sentAtMs: number): void {
    if (answer.kind === "granted") {
      this.#epoch = answer.epoch;
      if (!this.isTooShort(answer.ttl)) this.#renew(sentAtMs);
    }
    // A later holder exists or existed: what we held is over, and only a new grant makes us holder again.
    if (answer.kind === "refused" && answer.reason === "stale-epoch") this.#epoch = null;
  }

  #renew(sentAtMs: number): void {
    this.#renewedAtMs = sentAtMs;
    this.#settings.onRenewed(this.untilMs);
  }

  /** From now on this node holds nothing, whatever the service believes. */
  forget(): void {
    this.#epoch = null;
  }

  /** Gives the lease back. Null where this node holds none; an error is why the service did not take it. */
  async release(): Promise<Result<void, string> | null> {
    if (this.#epoch === null) return null;
    const { client, config, life } = this.#settings;
    this.#seq += 1;
    this.#releasedSeq = this.#seq;
    const released = await client.releaseLease(
      { node: config.node, life, epoch: this.#epoch, seq: this.#seq },
      // A stop has 1.5 s between our KILL and the engine's (plan.ts).
      Math.min(config.values.HEALTH_TIMEOUT, RELEASE_TIMEOUT_MS),
    );
    this.#epoch = null;
    return released;
  }
}
