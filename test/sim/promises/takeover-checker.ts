import { LEASE_TTL_S } from "../../../src/common/protocol/lease-protocol.ts";
import { isCandidate, placeOf } from "../../../src/entrypoint/election/decide/candidates.ts";
import type { Place } from "../place.ts";
import type { Granted } from "./lease-checker.ts";
import { OLDEST_PROBE_MS, type Shared } from "./pair-checker.ts";

/** What a node knew when it decided to be the HEAD. */
export interface Grounds {
  /** When this life of the node began. */
  readonly beganAtMs: number;
  readonly decidedAtMs: number;
  /** True where it became HEAD by the lease. */
  readonly byLease: boolean;
}

/** A GCS that is visible for a shorter time may be missed. */
const SURELY_SEEN_MS = 5000;
/** The maximum time that a working WORKER needs to ask, beyond its required waiting. */
const SURELY_ASKED_MS = 5000;

/** The promises about which node succeeds a HEAD, and when. */
export class TakeoverChecker {
  readonly #shared: Shared;
  /** The times in which each node certainly saw each other node's GCS. */
  readonly #sights = new Map<string, { readonly fromMs: number; untilMs: number }[]>();

  /** The last node that was granted a lease after another's lease had ended. */
  #successor: string | undefined;
  #grantedAtMs = 0;
  /** The last cluster of each HEAD, by its name, and that of the one whose place was granted last. */
  readonly #clusterOf = new Map<string, string>();
  #lostCluster: string | undefined;
  /** The last holder, if it stopped and may come back. */
  #ended: string | null = null;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  granted({ how, node, before }: Granted): void {
    if (how !== "grant") return;
    const lost = this.#ended ?? before;
    this.#successor = lost === null || lost === node ? undefined : node;
    this.#grantedAtMs = this.#shared.watched.clock.nowMs;
    this.#lostCluster = lost === null ? undefined : this.#clusterOf.get(lost);
    this.#ended = null;
  }

  ended(node: string): void {
    this.#ended = node;
  }

  look(): void {
    const { watched, view, stretches } = this.#shared;
    const heads = watched.places.filter((each) => each.serves);
    for (const { name, gcs } of heads) if (gcs !== null) this.#clusterOf.set(name, gcs.clusterId);
    for (const from of watched.places) {
      for (const to of heads) this.#see(from, to);
      const inSight = heads.some((head) => view.reaches(from, head));
      const well = isCandidate(from.config) && from.member !== null && !watched.services.diskFull;
      const waits = well && view.hears(from) && from.names === "well" && from.gcs === null && !inSight;
      stretches.follow(`${from.host} waits`, waits);
    }
  }

  #see(from: Place, to: Place): void {
    const { watched, stretches } = this.#shared;
    const { nowMs } = watched.clock;
    const fromMs = (stretches.sinceMs(`${from.host} sees ${to.host}`) ?? nowMs) + SURELY_SEEN_MS;
    if (nowMs < fromMs) return;
    const pair = `${from.host} ${to.gcs?.clusterId}`;
    const sights = this.#sights.get(pair) ?? [];
    const last = sights.at(-1);
    if (last?.fromMs === fromMs) last.untilMs = nowMs;
    else this.#sights.set(pair, [...sights, { fromMs, untilMs: nowMs }]);
  }

  /** When a node last certainly saw the GCS of a cluster until it decided: what came into sight later counts for nothing. */
  #lastSeen(place: Place, clusterId: string | undefined, decidedAtMs: number): number | undefined {
    const sights = this.#sights.get(`${place.host} ${clusterId}`) ?? [];
    const last = sights.findLast(({ fromMs }) => fromMs <= decidedAtMs);
    return last && Math.min(last.untilMs, decidedAtMs);
  }

  served(place: Place, grounds: Grounds): void {
    if (place.name === this.#successor) this.#checkPatience(place, grounds);
    const others = this.#shared.watched.places.filter((each) => each !== place && each.exists);
    for (const other of others) {
      if (other.gcs !== null) this.#checkDelay(place, other, grounds);
      else if (place.name === this.#successor) this.#checkOrder(place, other);
    }
  }

  /** Plain: a HEAD that did not hand over, because it was lost or stopped with its state, was out of reach for the whole delay. */
  #checkPatience(place: Place, { decidedAtMs }: Grounds): void {
    const seenAtMs = this.#lastSeen(place, this.#lostCluster, decidedAtMs);
    const afterMs = place.config.values.RAY_EP_TAKEOVER_AFTER - OLDEST_PROBE_MS;
    if (!place.isStrict && seenAtMs !== undefined && decidedAtMs - seenAtMs < afterMs)
      this.#shared.fail(
        `expected ${place.host} to wait for ${this.#lostCluster}, got a takeover ${decidedAtMs - seenAtMs} ms after it saw that`,
      );
  }

  /**
   * If the old HEAD is alive, it must have been out of reach for the whole delay. Strict nodes wait only for the end
   * of its lease, since it ends its Ray before that; then only a second GCS on the store is forbidden.
   */
  #checkDelay(place: Place, other: Place, { decidedAtMs }: Grounds): void {
    const { watched, fail } = this.#shared;
    if (place.isStrict || !watched.persistent) return;
    const seenAtMs = this.#lastSeen(place, other.gcs?.clusterId, decidedAtMs);
    if (seenAtMs === undefined) return;
    const unseenMs = decidedAtMs - seenAtMs;
    const afterMs = place.config.values.RAY_EP_TAKEOVER_AFTER;
    if (unseenMs < afterMs - OLDEST_PROBE_MS)
      fail(
        `expected no takeover for ${afterMs} ms, got one by ${place.host} that saw ${other.host} ${unseenMs} ms ago`,
      );
  }

  /**
   * A living WORKER of the lost cluster that is earlier in the whitelist and has waited long enough asks before this
   * one. The grant decides: a HEAD whose Ray does not start at once starts it again under the lease that it has.
   */
  #checkOrder(place: Place, other: Place): void {
    const { stretches, view, watched, fail } = this.#shared;
    const sinceMs = stretches.sinceMs(`${other.host} waits`);
    if (other.member !== this.#lostCluster) return;
    if (sinceMs === undefined || !view.reaches(place, other) || !view.reaches(other, place)) return;
    const waitedMs = this.#grantedAtMs - sinceMs;
    const delayMs = Math.max(place.config.values.RAY_EP_TAKEOVER_AFTER, LEASE_TTL_S * 1000);
    if (waitedMs < delayMs) return;
    watched.note("takeovers for which another one had waited as well");
    if (placeOf(other.config) < placeOf(place.config) && waitedMs > delayMs + SURELY_ASKED_MS)
      fail(
        `expected ${other.host}, which stands earlier and has waited ${waitedMs} ms, to take over, got ${place.host}`,
      );
  }
}
