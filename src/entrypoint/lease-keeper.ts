import { formatAddress } from "../common/address.ts";
import { pause } from "../common/deadline.ts";
import { LEASE_TTL_S, RENEW_EVERY_S } from "../common/lease-protocol.ts";
import type { Config } from "./config.ts";
import type { LeaseFact } from "./facts.ts";
import type { HealthClient } from "./health-client.ts";

export interface LeaseKeeperSettings {
  readonly config: Config;
  readonly client: Pick<HealthClient, "askLease" | "releaseLease">;
  /** Names this run of this process, so that the service can tell a restart from a namesake. */
  readonly life: string;
  /** Hears each renewal's outcome when it differs from the one before. */
  readonly onChange: (ok: boolean, cause: string) => void;
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
    return answer;
  }

  /** Renews every two seconds until `release` or `stop`. A lease that could not be had before is asked for again. */
  keep(): void {
    if (this.#renewing !== null) return;
    const stop = new AbortController();
    this.#renewing = stop;
    void this.#renewLoop(stop.signal);
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
    while (await pause(RENEW_EVERY_S * 1000, signal)) {
      const answer = await this.ask("silent");
      if (signal.aborted) return;
      this.#tell(answer);
    }
  }

  #tell(answer: LeaseFact): void {
    const ok = answer.kind === "granted";
    if (ok === this.#lastOk || (ok && this.#lastOk === null)) return;
    this.#lastOk = ok;
    this.#settings.onChange(ok, describe(answer));
  }
}

function describe(answer: LeaseFact): string {
  if (answer.kind === "granted") return `Head lease renewed again, epoch ${answer.epoch}`;
  const cause = answer.kind === "no-answer" ? answer.cause : answer.message;
  return `Head lease not renewed: ${cause}; this HEAD goes on`;
}
