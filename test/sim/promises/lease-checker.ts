import { LEASE_TTL_S } from "../../../src/common/protocol/lease-protocol.ts";
import type { Event } from "../../../src/health-service/event.ts";
import type { Clock } from "../clock.ts";
import type { Happening } from "../coverage.ts";
import type { Place } from "../place.ts";

export type Granted = Extract<Event, { type: "granted" }>;

export interface LeaseWatched {
  readonly clock: Clock;
  /** With a state folder the promises hold across restarts, else within one run of the service. */
  readonly persistent: boolean;
  /** Since when this node serves, runs, and is heard by a service that answers; undefined when it does not. */
  readonly ableSinceMs: (place: Place) => number | undefined;
  readonly note: (what: Happening) => void;
  readonly fail: (message: string) => void;
}

interface Holding {
  readonly place: Place;
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
    if (how === "grant") this.#checkHoldings(node, life, epoch);
  }

  /** A node spoke of an epoch: no later grant of this run of the service may be as low. */
  heard(instance: string, epoch: number): void {
    if (this.#watched.persistent) return;
    this.#highest.set(instance, Math.max(this.#highest.get(instance) ?? 0, epoch));
  }

  /** A life was told that it holds the lease, in answer to what it sent at `sentAtMs`. */
  told(place: Place, life: string, sentAtMs: number): void {
    // The answer to a renewal may come after the release that was said later.
    if (sentAtMs > (this.#overAtMs.get(life) ?? -1)) this.#holdings.set(life, { place, sentAtMs });
  }

  /** A life gave the lease back, or was told that it is over. */
  over(life: string): void {
    this.#holdings.delete(life);
    this.#overAtMs.set(life, this.#watched.clock.nowMs);
  }

  #checkHoldings(node: string, newLife: string, epoch: number): void {
    const { clock, persistent, ableSinceMs, note, fail } = this.#watched;
    for (const [life, { place, sentAtMs }] of this.#holdings) {
      const ageMs = clock.nowMs - sentAtMs;
      if (place.host === hostOf(newLife)) {
        // A node's next life replaces a dead one, whatever happens to the new lease.
        this.#holdings.delete(life);
        continue;
      }
      if (place.name === node) note("grants to another node of the holder's name");
      const mayPass = place.name === node && !place.isStrict;
      if (persistent && !mayPass && ageMs < LEASE_TTL_S * 1000)
        fail(
          `expected one holder at a time, got epoch ${epoch} for ${newLife} ${ageMs} ms after ${life} renewed`,
        );
      const ableMs = clock.nowMs - (ableSinceMs(place) ?? clock.nowMs);
      if (ableMs > PRESENTS_ITSELF_MS && ageMs < 2 * LEASE_TTL_S * 1000)
        fail(`expected a living HEAD to be left alone, got epoch ${epoch} for ${newLife} instead of ${life}`);
      // The other node of its name has passed it over: what is granted after that one is beside nobody's lease.
      if (mayPass) this.#holdings.delete(life);
    }
  }
}

/** The name of a life contains its host (history.ts). */
const hostOf = (life: string): string => life.slice(0, life.lastIndexOf("-"));
