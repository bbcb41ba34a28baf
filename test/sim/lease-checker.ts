import { LEASE_TTL_S } from "../../src/common/lease-protocol.ts";
import type { Event } from "../../src/health-server/event.ts";
import type { Clock } from "./clock.ts";

export type Granted = Extract<Event, { type: "granted" }>;

export interface LeaseWatched {
  readonly clock: Clock;
  /** With a state folder the promises hold across restarts, else within one run of the service. */
  readonly persistent: boolean;
  /** Since when this node serves, runs, and is not cut off from a service that runs; null when it does not. */
  readonly ableSinceMs: (node: string) => number | null;
  readonly fail: (message: string) => void;
}

interface Holding {
  readonly node: string;
  /** The request's sending: from here the holder counts its time. */
  readonly sentAtMs: number;
}

/** Two renewals, with a second for the network. */
const PRESENTS_ITSELF_MS = 5000;

/** The promises of the lease itself: one life an epoch, epochs that grow, and nobody passed over who holds it. */
export class LeaseChecker {
  readonly #watched: LeaseWatched;
  readonly #lives = new Map<string, string>();
  readonly #highest = new Map<string, number>();
  /** What each life believes to hold, by the last answer that reached it. */
  readonly #holdings = new Map<string, Holding>();

  readonly #overAtMs = new Map<string, number>();

  constructor(watched: LeaseWatched) {
    this.#watched = watched;
  }

  granted(instance: string, { how, node, life, epoch }: Granted): void {
    const memory = this.#watched.persistent ? "all" : instance;
    const highest = this.#highest.get(memory) ?? 0;
    if (how === "grant" && epoch <= highest)
      this.#watched.fail(`expected an epoch above ${highest}, got a grant of ${epoch} to ${life}`);
    const key = `${memory} ${epoch}`;
    const owner = this.#lives.get(key) ?? life;
    if (owner !== life) this.#watched.fail(`expected one holder of epoch ${epoch}, got ${owner} and ${life}`);
    this.#lives.set(key, life);
    this.#highest.set(memory, Math.max(highest, epoch));
    if (how === "grant") this.#checkHoldings(node, epoch);
  }

  /** A node spoke of an epoch: no later grant of this run of the service may be as low. */
  heard(instance: string, epoch: number): void {
    if (this.#watched.persistent) return;
    this.#highest.set(instance, Math.max(this.#highest.get(instance) ?? 0, epoch));
  }

  /** A life was told that it holds the lease, in answer to what it sent at `sentAtMs`. */
  told(node: string, life: string, sentAtMs: number): void {
    // The answer to a renewal may come after the release that was said later.
    if (sentAtMs > (this.#overAtMs.get(life) ?? -1)) this.#holdings.set(life, { node, sentAtMs });
  }

  /** A life gave the lease back, or was told that it is over. */
  over(life: string): void {
    this.#holdings.delete(life);
    this.#overAtMs.set(life, this.#watched.clock.nowMs);
  }

  #checkHoldings(node: string, epoch: number): void {
    const { clock, persistent, ableSinceMs, fail } = this.#watched;
    for (const [life, holding] of this.#holdings) {
      const ageMs = clock.nowMs - holding.sentAtMs;
      if (holding.node === node) {
        // A node's next life takes the place of one that has fallen silent, whatever becomes of the new one's lease.
        this.#holdings.delete(life);
        continue;
      }
      if (persistent && ageMs < LEASE_TTL_S * 1000)
        fail(
          `expected one holder at a time, got epoch ${epoch} for ${node} ${ageMs} ms after ${life} renewed`,
        );
      const ableMs = clock.nowMs - (ableSinceMs(holding.node) ?? clock.nowMs);
      if (ableMs > PRESENTS_ITSELF_MS && ageMs < 2 * LEASE_TTL_S * 1000)
        fail(`expected a living HEAD to be left alone, got epoch ${epoch} for ${node} instead of ${life}`);
    }
  }
}
