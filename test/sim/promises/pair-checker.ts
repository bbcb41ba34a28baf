import type { Place } from "../place.ts";
import type { Grounds } from "./takeover-checker.ts";
import type { Stretches, View, Watched } from "./view.ts";

export interface Shared {
  readonly watched: Watched;
  readonly view: View;
  readonly stretches: Stretches;
  readonly fail: (message: string) => void;
}

/** The maximum age of the probes of a decision: one slow probe, and a health service that does not answer. */
export const OLDEST_PROBE_MS = 5000;
/** With all connections whole, a HEAD hears of a later one with its next renewal, and tries again after a lost one. */
const HEARD_MS = 5000;
/** A probe of two seconds that began too early, a pause of two, an epoch that is told after two, and two answers. */
const SEEN_MS = 8000;
/**
 * A service that lost its state grants nothing for 15 s; then the loser hears of it, or after two renewals if it has
 * the same name.
 */
const APART_MS = 25_000;

/** One node as another sees it, with the names of the conditions between them. */
interface Pair {
  readonly from: Place;
  readonly to: Place;
  /** The other direction of the pair is checked separately. */
  readonly isFirst: boolean;
  readonly sight: string;
  readonly clearly: string;
  readonly heard: string;
  readonly mutual: string;
  readonly apart: string;
}

const pairsOf = (places: readonly Place[]): Pair[] =>
  places.flatMap((from, i) =>
    places.flatMap((to, j): Pair[] => {
      const between = `${from.host} and ${to.host}`;
      const clearly = clearlyOf(from, to);
      const kinds = {
        clearly,
        heard: `${between} heard`,
        mutual: `${between} in sight`,
        apart: `${between} apart`,
      };
      return i === j ? [] : [{ from, to, isFirst: i < j, sight: sightOf(from, to), ...kinds }];
    }),
  );

const sightOf = (from: Place, to: Place): string => `${from.host} sees ${to.host}`;
const clearlyOf = (from: Place, to: Place): string => `${sightOf(from, to)} clearly`;

/** The promises about two HEADs at the same time. */
export class PairChecker {
  readonly #shared: Shared;
  readonly #pairs: readonly Pair[];

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#pairs = pairsOf(shared.watched.places);
  }

  /** No other GCS may have been visible to this node all the time since it looked. */
  served(place: Place, { beganAtMs, decidedAtMs, byLease }: Grounds): void {
    const { watched, stretches, fail } = this.#shared;
    const { nowMs } = watched.clock;
    const latestMs = Math.max(decidedAtMs - OLDEST_PROBE_MS, nowMs - 10_000);
    for (const other of watched.places) {
      const sinceMs = stretches.sinceMs(sightOf(place, other)) ?? nowMs;
      const allItsLife = sinceMs <= beganAtMs + 500 && sinceMs < decidedAtMs - 1000;
      // A HEAD that is only busy answers in a second look. A node that has waited long to lead without a lease may
      // miss a HEAD that was silent in its last look.
      const shownSinceMs = byLease ? sinceMs : (stretches.sinceMs(clearlyOf(place, other)) ?? nowMs);
      if (shownSinceMs < latestMs || (allItsLife && !byLease && watched.mode === "plain-200"))
        fail(
          `expected one HEAD, got a second one on ${place.host} with ${other.host} in sight for ${nowMs - sinceMs} ms`,
        );
    }
  }

  look(): void {
    for (const pair of this.#pairs) {
      const { from, to, sight, clearly } = pair;
      const sees = to.serves && this.#shared.view.reaches(from, to);
      this.#shared.stretches.follow(sight, sees);
      this.#shared.stretches.follow(clearly, sees && !to.busy);
      const both = from.serves && to.serves && !from.isStrict;
      this.#lookAtBoth(pair, both, both && sees);
    }
  }

  #lookAtBoth(pair: Pair, both: boolean, sees: boolean): void {
    const { view, watched } = this.#shared;
    const { from, to } = pair;
    const { mode, services } = watched;
    const asks = mode === "lease" && both && !services.diskFull && view.hears(from) && view.hears(to);
    this.#limit(pair, pair.heard, asks && sees, HEARD_MS);
    if (!pair.isFirst || mode === "explicit") return;
    this.#limit(pair, pair.apart, asks, APART_MS);
    this.#limit(pair, pair.mutual, sees && this.#awake(pair) && view.reaches(to, from), SEEN_MS);
  }

  /** Both answer, so each can read the other's epoch. */
  #awake({ from, to }: Pair): boolean {
    return this.#shared.view.runs(to) && !from.busy && !to.busy;
  }

  #limit(pair: Pair, what: string, holds: boolean, longestMs: number): void {
    const { stretches, fail, watched } = this.#shared;
    const { from, to, mutual } = pair;
    if (what === mutual && holds && stretches.sinceMs(what) === undefined && !watched.services.running)
      watched.note("HEADs that came into each other's sight without a service");
    const forMs = stretches.follow(what, holds);
    if (forMs > longestMs)
      fail(`expected one HEAD, got two for ${forMs} ms, ${what} (${from.host}, ${to.host})`);
  }
}
