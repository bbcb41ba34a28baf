import { isCandidate } from "../../src/entrypoint/decide/candidates.ts";
import type { Clock } from "./clock.ts";
import type { Mode } from "./cluster.ts";
import type { Happening } from "./coverage.ts";
import { LeaseChecker } from "./lease-checker.ts";
import type { Network } from "./network.ts";
import type { Place } from "./place.ts";
import { SERVICE, type Service } from "./service.ts";
import { Violation } from "./trace.ts";

export interface Watched {
  readonly clock: Clock;
  readonly network: Network;
  readonly service: Service;
  readonly places: readonly Place[];
  readonly persistent: boolean;
  readonly mode: Mode;
  readonly note: (what: Happening) => void;
}

/** What a node knew when it decided to be the HEAD. */
export interface Grounds {
  readonly decidedAtMs: number;
  /** True where it became HEAD by the lease. */
  readonly byLease: boolean;
}

/** A decision rests on probes that are that old at most: one slow probe, and a health service that gives no answer. */
const OLDEST_PROBE_MS = 5000;
/** A GCS that shows itself for a shorter time may be missed. */
const SURELY_SEEN_MS = 5000;
/** With all connections whole, a HEAD hears of a later one with its next renewal, and tries again after a lost one. */
const LONGEST_OVERLAP_MS = 5000;
/** Three starts that fail, a lease and a takeover delay that run out, and a GCS that boots. */
const LED_WITHIN_MS = 110_000;
const LOOK_EVERY_MS = 250;
/** After a thaw the guard needs a moment. */
const THAWED_MS = 500;

/** One node as another sees it, and the names of what may hold between them. */
interface Pair {
  readonly from: Place;
  readonly to: Place;
  readonly sight: string;
  readonly beside: string;
}

const pairsOf = (places: readonly Place[]): Pair[] =>
  places.flatMap((from) =>
    places
      .filter((to) => to !== from)
      .map((to) => ({
        from,
        to,
        sight: `${from.name} sees ${to.name}`,
        beside: `${from.name} beside ${to.name}`,
      })),
  );

/** Watches a history from outside and keeps the first promise that was broken. */
export class Checker {
  readonly #watched: Watched;
  readonly lease: LeaseChecker;
  readonly #pairs: readonly Pair[];
  /** What holds without a break, in words: since when. */
  readonly #stretches = new Map<string, number>();
  /** Until when each node's GCS was last surely seen by each other. */
  readonly #lastSeen = new Map<string, number>();
  /** Places that became ready as HEAD, in order. */
  readonly readyHeads: string[] = [];
  violation: Violation | null = null;

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#pairs = pairsOf(watched.places);
    this.lease = new LeaseChecker({
      clock: watched.clock,
      persistent: watched.persistent,
      ableSinceMs: (node) => {
        const serves = watched.places.some((each) => each.name === node && each.serves);
        return serves ? (this.#stretches.get(`able ${node}`) ?? null) : null;
      },
      fail: (message) => this.#fail(message),
    });
    this.#look();
  }

  /** A GCS came up: no other may have been in its node's sight all the time since it looked. */
  served(place: Place, grounds: Grounds): void {
    const nowMs = this.#watched.clock.nowMs;
    this.#countHead(place, grounds);
    const latestMs = Math.max(grounds.decidedAtMs - OLDEST_PROBE_MS, nowMs - 10_000);
    for (const other of this.#watched.places) {
      const sinceMs = this.#stretches.get(`${place.name} sees ${other.name}`) ?? nowMs;
      if (sinceMs < latestMs)
        this.#fail(
          `expected one HEAD, got a second one on ${place.name} with ${other.name} in sight for ${nowMs - sinceMs} ms`,
        );
      else if (other !== place && other.gcs !== null && grounds.byLease)
        this.#checkTakeover(place, other, grounds);
    }
  }

  /**
   * The old HEAD lives, out of sight: it must have been so for the whole delay. Strict nodes wait for the end of its lease
   * alone, since it ends its Ray before that; what then may not happen is a second GCS on the store.
   */
  #checkTakeover(place: Place, other: Place, { decidedAtMs }: Grounds): void {
    if (place.config.fencing === "strict") return;
    const seenAtMs = this.#lastSeen.get(`${place.name} sees ${other.name} ${other.gcs?.clusterId}`);
    if (seenAtMs === undefined || !this.#watched.persistent) return;
    const unseenMs = decidedAtMs - seenAtMs;
    const afterMs = place.config.values.RAY_EP_TAKEOVER_AFTER;
    if (unseenMs < afterMs - OLDEST_PROBE_MS)
      this.#fail(
        `expected no takeover for ${afterMs} ms, got one by ${place.name} that saw ${other.name} ${unseenMs} ms ago`,
      );
  }

  /** A lease that is given back while its GCS serves would have a successor beside it. */
  released(place: Place): void {
    if (place.serves)
      this.#fail(`expected a release after the end of Ray, got one by ${place.name} that serves`);
  }

  #countHead(place: Place, { byLease }: Grounds): void {
    const { mode, note, places } = this.#watched;
    if (mode === "explicit" && place !== places[0])
      this.#fail(`expected the explicit HEAD alone to lead, got ${place.name}`);
    if (mode === "explicit") note("explicit HEADs");
    if (mode === "plain-200") note("HEADs beside a plain 200 service");
    if (mode === "lease" && !byLease) note("HEADs without a lease");
    if (places.some((each) => each !== place && each.rayBroken)) note("HEADs beside a node whose Ray fails");
  }

  #look = (): void => {
    const { clock, places, note } = this.#watched;
    for (const place of places) if (place.guard(clock.nowMs)) note("GCSes killed by the strict guard");
    this.#checkStore(places);
    this.#checkLed(places);
    for (const from of places)
      this.#follow(`able ${from.name}`, from.serves && this.#hears(from) && this.#watched.service.running);
    for (const pair of this.#pairs) this.#lookAtPair(pair);
    clock.lookAfter(LOOK_EVERY_MS, this.#look);
  };

  /** Strict: all GCSes write to one store, whoever sees whom. */
  #checkStore(places: readonly Place[]): void {
    const writers = places.filter((each) => each.serves && each.config.fencing === "strict");
    if (this.#follow("two GCSes on one store", writers.length > 1) >= THAWED_MS)
      this.#fail(`expected one GCS on the store, got ${writers.map((each) => each.name).join(", ")}`);
  }

  /** Whatever fails elsewhere: a candidate that is well, reaches the service and sees all others' places leads in the end. */
  #checkLed(places: readonly Place[]): void {
    const { mode, network, service } = this.#watched;
    const leaderless = mode === "lease" && !places.some((each) => each.serves);
    const fair = leaderless && service.running && !service.diskFull && network.whole;
    for (const place of places) {
      const can = fair && isCandidate(place.config) && !place.rayBroken && (place.actor?.running ?? false);
      const forMs = this.#follow(`${place.name} could lead`, can);
      if (forMs > LED_WITHIN_MS)
        this.#fail(`expected a HEAD, got none for ${forMs} ms in which ${place.name} could have led`);
    }
  }

  #lookAtPair({ from, to, sight, beside }: Pair): void {
    const { service, clock } = this.#watched;
    const sees = to.serves && this.#canSee(from, to);
    if (this.#follow(sight, sees) >= SURELY_SEEN_MS)
      this.#lastSeen.set(`${sight} ${to.gcs?.clusterId}`, clock.nowMs);
    const overlap = sees && from.serves && service.running && this.#hears(from) && this.#hears(to);
    const overlapMs = this.#follow(beside, overlap);
    if (overlapMs > LONGEST_OVERLAP_MS)
      this.#fail(
        `expected one HEAD, got ${from.name} and ${to.name}, which see each other, for ${overlapMs} ms`,
      );
  }

  /** How long it has held without a break, in ms. */
  #follow(what: string, holds: boolean): number {
    const nowMs = this.#watched.clock.nowMs;
    const sinceMs = this.#stretches.get(what) ?? nowMs;
    if (holds) this.#stretches.set(what, sinceMs);
    else this.#stretches.delete(what);
    return holds ? nowMs - sinceMs : 0;
  }

  #canSee(a: Place, b: Place): boolean {
    const { network } = this.#watched;
    const open = network.isOpen(a.name, b.name) && network.isOpen(b.name, a.name);
    return open && network.calm && !a.frozen && (a.actor?.running ?? false);
  }

  #hears({ name, actor }: Place): boolean {
    const { network } = this.#watched;
    const open = network.isOpen(name, SERVICE) && network.isOpen(SERVICE, name);
    return open && network.calm && (actor?.running ?? false);
  }

  #fail(message: string): void {
    this.violation ??= new Violation(message);
  }
}
