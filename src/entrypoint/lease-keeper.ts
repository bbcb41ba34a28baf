import { formatAddress } from "../common/address.ts";
import type { Clock } from "../common/deadline.ts";
import { LEASE_TTL_S, RENEW_DEADLINE_S, RENEW_EVERY_S } from "../common/lease-protocol.ts";
import type { Config } from "./config.ts";
import type { LeaseFact } from "./facts.ts";
import type { HealthClient } from "./health-client.ts";
import { describeRenewal, successorIn } from "./lease-answer.ts";
import type { Trouble } from "./watch.ts";

export interface LeaseKeeperSettings {
  readonly clock: Clock;
  readonly config: Config;
  readonly client: Pick<HealthClient, "askLease" | "releaseLease">;
  /** Names this run of this process, so that the service can tell a restart from a namesake. */
  readonly life: string;
  /** Hears each renewal's outcome when it differs from the one before. */
  readonly onChange: (ok: boolean, cause: string) => void;
  /** Hears, with each renewal, for how long this HEAD may go on without another. */
  readonly onRenewed: (leftMs: number) => void;
  /** Hears, once, why this node may lead no more. */
  readonly onDeposed: (trouble: Trouble) => void;
}

const RELEASE_TIMEOUT_MS = 1000;

/** Asks for, renews and releases the head lease for this node. Holds the epoch, and nothing else of the decision. */
export class LeaseKeeper {
  readonly #settings: LeaseKeeperSettings;
  #epoch: number | null = null;
  #clusterId: string | null = null;
  #lastOk: boolean | null = null;
  #renewing: AbortController | null = null;
  /** Grows with each word about the lease, so that one that arrives late changes nothing. */
  #seq = 0;
  /** The word that gave the lease back last. */
  #releasedSeq = 0;
  #seen: number | null = null;
  /** When the last request that was granted was sent: the lease runs from no later than that. */
  #renewedAtMs = 0;

  constructor(settings: LeaseKeeperSettings) {
    this.#settings = settings;
  }

  /** True while this node holds the lease, as far as it knows. */
  get held(): boolean {
    return this.#epoch !== null;
  }

  /** How long a HEAD may go on without another renewal: counted from when the last one that was granted was sent. */
  get leftMs(): number {
    return Math.max(0, this.#renewedAtMs + RENEW_DEADLINE_S * 1000 - this.#settings.clock.now());
  }

  /** The highest epoch that this node has heard of; null before the first. */
  get seen(): number | null {
    return this.#seen;
  }

  /** Some word of the health service named this epoch: one that forgot it must not grant it again. */
  hear(epoch: number): void {
    this.#seen = Math.max(this.#seen ?? 0, epoch);
  }

  /**
   * Asks once. `others` says whether every other candidate was answered for. A grant that comes when `unwanted` has
   * aborted is given back at once: nobody would lead under it.
   */
  async ask(others: "answered" | "silent", unwanted?: AbortSignal): Promise<LeaseFact> {
    const asking = this.#ask(others);
    const asked = this.#seq;
    const answer = await asking;
    // A later word of this node's about the lease is the one that counts.
    if (answer.kind === "granted" && unwanted?.aborted && asked === this.#seq) await this.release();
    if (answer.kind !== "granted" || !this.#tooShort(answer.ttl)) return answer;
    return this.#giveUp(answer.ttl, this.#renewing === null);
  }

  /** Strict: the lease must outlive the deadline at which this HEAD ends its Ray (FAULTS 4, rule 1). */
  #tooShort(ttl: number): boolean {
    return this.#settings.config.fencing === "strict" && ttl < 1.2 * RENEW_DEADLINE_S;
  }

  /** A HEAD that leads already gives nothing back while its Ray runs: its deadline passes, and that ends it. */
  async #giveUp(ttl: number, letGo: boolean): Promise<LeaseFact> {
    if (letGo) await this.release();
    const least = 1.2 * RENEW_DEADLINE_S;
    return {
      kind: "no-answer",
      cause: `the lease lives for ${ttl} s, and strict fencing wants ${least} s at least (RAY_EP_LEASE_TTL of the health service)`,
    };
  }

  async #ask(others: "answered" | "silent"): Promise<LeaseFact> {
    const { client, clock, config, life, onRenewed } = this.#settings;
    const sentAtMs = clock.now();
    this.#seq += 1;
    const seq = this.#seq;
    const answer = await client.askLease(
      {
        node: config.node,
        life,
        address: formatAddress(config.ownAddress),
        clusterId: this.#clusterId,
        epoch: this.#epoch,
        others,
        seq,
        ...(this.#seen === null ? {} : { seen: this.#seen }),
      },
      // Half of what is left must do for a second try (FAULTS 4, rule 1).
      Math.min(config.values.HEALTH_TIMEOUT, (RENEW_DEADLINE_S * 1000) / 2),
    );
    if (answer.kind !== "no-answer") this.hear(answer.epoch);
    // A release was sent meanwhile, and what it ended is not held any more.
    if (seq <= this.#releasedSeq) return answer;
    if (answer.kind === "granted") {
      this.#epoch = answer.epoch;
      if (!this.#tooShort(answer.ttl)) {
        this.#renewedAtMs = sentAtMs;
        onRenewed(this.leftMs);
      }
    }
    // A later holder exists or existed: what we held is over, and only a new grant makes us holder again.
    if (answer.kind === "refused" && answer.reason === "stale-epoch") this.#epoch = null;
    return answer;
  }

  /** Renews every two seconds until `release` or `stop`. A lease that could not be had before is asked for again. */
  keep(): void {
    if (this.#renewing !== null) return;
    const stop = new AbortController();
    this.#renewing = stop;
    void this.#renewLoop(stop.signal);
  }

  /** A new GCS is about to start: what the old one's cluster was no longer counts. */
  starting(): void {
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

  /** Gives the lease back, so that a successor need not wait. To be called when Ray is gone, never before. */
  async release(): Promise<void> {
    this.stop();
    if (this.#epoch === null) return;
    const { client, config, life, onChange } = this.#settings;
    this.#seq += 1;
    this.#releasedSeq = this.#seq;
    const released = await client.releaseLease(
      { node: config.node, life, epoch: this.#epoch, seq: this.#seq },
      // A stop has 1.5 s between our KILL and the engine's (plan.ts).
      Math.min(config.values.HEALTH_TIMEOUT, RELEASE_TIMEOUT_MS),
    );
    this.#epoch = null;
    onChange(
      released.ok,
      released.ok
        ? "Head lease released"
        : `Head lease not released: ${released.error}; it ends by itself in ${LEASE_TTL_S} s`,
    );
  }

  async #renewLoop(signal: AbortSignal): Promise<void> {
    const { clock, config } = this.#settings;
    while (await clock.pause(this.#untilNextMs(), signal)) {
      // After a pause of the whole machine the time is over before another word: a service that forgot would grant it.
      const trouble = this.#lost() ?? (await this.#renew(config.node, signal));
      if (signal.aborted) return;
      if (trouble === null) continue;
      this.#epoch = null;
      this.stop();
      return this.#settings.onDeposed(trouble);
    }
  }

  async #renew(node: string, signal: AbortSignal): Promise<Trouble | null> {
    const answer = await this.ask("silent");
    if (signal.aborted) return null;
    this.#tell(answer);
    return successorIn(answer, node, this.#epoch) ?? this.#lost();
  }

  /** Strict: at the deadline at the latest, whatever the step. */
  #untilNextMs(): number {
    const { config } = this.#settings;
    const stepMs = RENEW_EVERY_S * 1000;
    if (config.fencing === "plain" || this.#epoch === null) return stepMs;
    return Math.min(stepMs, this.leftMs);
  }

  /** Two GCSes on one store corrupt it, so that a HEAD that cannot renew must end before its lease does (FAULTS 4). */
  #lost(): Trouble | null {
    const { config, clock } = this.#settings;
    if (config.fencing === "plain" || this.#epoch === null) return null;
    const forMs = clock.now() - this.#renewedAtMs;
    return forMs < RENEW_DEADLINE_S * 1000 ? null : { kind: "lease-lost", forMs };
  }

  #tell(answer: LeaseFact): void {
    const ok = answer.kind === "granted";
    if (ok === this.#lastOk || (ok && this.#lastOk === null)) return;
    this.#lastOk = ok;
    this.#settings.onChange(ok, describeRenewal(answer, this.#settings.config.fencing));
  }
}
