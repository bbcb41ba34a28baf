import { formatAddress } from "../common/address.ts";
import type { Clock } from "../common/deadline.ts";
import { LEASE_TTL_S, RENEW_EVERY_S } from "../common/lease-protocol.ts";
import type { Config } from "./config.ts";
import type { LeaseFact } from "./facts.ts";
import type { HealthClient } from "./health-client.ts";

export interface LeaseKeeperSettings {
  readonly clock: Clock;
  readonly config: Config;
  readonly client: Pick<HealthClient, "askLease" | "releaseLease">;
  /** Names this run of this process, so that the service can tell a restart from a namesake. */
  readonly life: string;
  /** Hears each renewal's outcome when it differs from the one before. */
  readonly onChange: (ok: boolean, cause: string) => void;
  /** Hears that another node holds the lease, living, under a higher epoch. */
  readonly onSuperseded: (by: string, epoch: number) => void;
}

/** Asks for, renews and releases the head lease for this node. Holds the epoch, and nothing else of the decision. */
export class LeaseKeeper {
  readonly #settings: LeaseKeeperSettings;
  #epoch: number | null = null;
  #clusterId: string | null = null;
  #lastOk: boolean | null = null;
  #renewing: AbortController | null = null;

  constructor(settings: LeaseKeeperSettings) {
    this.#settings = settings;
  }

  /** Asks once. `others` says whether every other candidate was answered for. */
  async ask(others: "answered" | "silent"): Promise<LeaseFact> {
    const { client, config, life } = this.#settings;
    const answer = await client.askLease(
      {
        node: config.node,
        life,
        address: formatAddress(config.ownAddress),
        clusterId: this.#clusterId,
        epoch: this.#epoch,
        others,
      },
      config.values.HEALTH_TIMEOUT,
    );
    if (answer.kind === "granted") this.#epoch = answer.epoch;
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
    const released = await client.releaseLease(
      { node: config.node, life, epoch: this.#epoch },
      config.values.HEALTH_TIMEOUT,
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
    const { clock, config, onSuperseded } = this.#settings;
    while (await clock.pause(RENEW_EVERY_S * 1000, signal)) {
      const answer = await this.ask("silent");
      if (signal.aborted) return;
      this.#tell(answer);
      const successor = successorIn(answer, config.node, this.#epoch);
      if (successor === null) continue;
      this.#epoch = null;
      this.stop();
      return onSuperseded(successor.node, successor.epoch);
    }
  }

  #tell(answer: LeaseFact): void {
    const ok = answer.kind === "granted";
    if (ok === this.#lastOk || (ok && this.#lastOk === null)) return;
    this.#lastOk = ok;
    this.#settings.onChange(ok, describe(answer));
  }
}

/** Another living holder with a higher epoch than ours, or with any where we have none. */
function successorIn(
  answer: LeaseFact,
  node: string,
  epoch: number | null,
): { node: string; epoch: number } | null {
  if (answer.kind !== "refused") return null;
  const { holder } = answer;
  if (holder === null || holder.node === node || holder.expiresIn <= 0) return null;
  return epoch === null || holder.epoch > epoch ? holder : null;
}

function describe(answer: LeaseFact): string {
  if (answer.kind === "granted") return `Head lease renewed again, epoch ${answer.epoch}`;
  const cause = answer.kind === "no-answer" ? answer.cause : answer.message;
  return `Head lease not renewed: ${cause}; this HEAD goes on`;
}
