import { RENEW_DEADLINE_S } from "../../../src/common/protocol/lease-protocol.ts";
import { isCandidate } from "../../../src/entrypoint/election/decide/candidates.ts";
import type { Place } from "../place.ts";
import { Violation } from "../trace.ts";
import { type Granted, LeaseChecker } from "./lease-checker.ts";
import { PairChecker } from "./pair-checker.ts";
import { StoreChecker } from "./store-checker.ts";
import { type Grounds, TakeoverChecker } from "./takeover-checker.ts";
import { Stretches, View, type Watched } from "./view.ts";

/** Enough for three failed starts, the end of a lease, a takeover delay and the start of a GCS. */
const LED_WITHIN_MS = 110_000;
const LOOK_EVERY_MS = 250;
/** The guard of a waking machine looks within half a second, and this checker each quarter. */
const WOKEN_MS = 750;
/** The time that a HEAD's lost guard would have left it, and one more attempt to start another. */
const UNGUARDED_MS = RENEW_DEADLINE_S * 1000 + 2000;

/**
 * Watches a history from outside and records the first broken promise:
 *
 * - Lease (lease-checker.ts): an epoch has one holder, epochs grow, and no lease is granted beside a holder. That
 *   holds while its lease runs, if it is strict or has another name, and always if it is alive and the service can
 *   hear it.
 * - Strict: never two living GCSes on one store, on any hosts and under any names; a waking machine has half a
 *   second. No Ray starts without a guard, and no GCS runs on without one for longer than its lease could last.
 * - Two HEADs (pair-checker.ts): no node begins to lead while it can see a HEAD. Of two that see each other one is
 *   left within 8 s, or 5 s if both reach the health service; of two that only reach the service, within 25 s.
 * - Takeover (takeover-checker.ts): only after the old HEAD was out of reach for the whole delay, and the earlier
 *   candidate first.
 * - Stores (store-checker.ts): a cluster goes on from its store only where no other node has led since.
 * - A lease is released only after the end of Ray. An explicit HEAD leads alone.
 * - A HEAD leads within 110 s wherever a healthy candidate could; in the end there is one HEAD with all nodes
 *   (history.ts).
 */
export class Checker {
  readonly #watched: Watched;
  readonly lease: LeaseChecker;
  readonly stores: StoreChecker;
  readonly #pairs: PairChecker;
  readonly #takeovers: TakeoverChecker;
  readonly #stretches: Stretches;
  readonly #view: View;
  /** Hosts whose node became ready as HEAD, in order. */
  readonly readyHeads: string[] = [];
  violation: Violation | null = null;

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#view = new View(watched);
    this.#stretches = new Stretches(watched.clock);
    const shared = { watched, view: this.#view, stretches: this.#stretches, fail: this.#fail };
    this.#pairs = new PairChecker(shared);
    this.#takeovers = new TakeoverChecker(shared);
    this.stores = new StoreChecker({ ...watched, fail: this.#fail });
    this.lease = new LeaseChecker({
      ...watched,
      ableSinceMs: ({ host }) => this.#stretches.sinceMs(`able ${host}`),
      fail: this.#fail,
    });
    this.#look();
  }

  granted(instance: string, granted: Granted): void {
    this.lease.granted(instance, granted);
    this.#takeovers.granted(granted);
    this.stores.granted(granted);
  }

  /** A HEAD has stopped, and may come back. */
  ended(node: string): void {
    this.#watched.note("HEADs that stopped to come back");
    this.#takeovers.ended(node);
  }

  /** Ray has been started as a HEAD. */
  began(place: Place): void {
    if (place.isStrict && place.guard === null && place.guardBroken)
      this.#fail(`expected a guard before Ray, got none at ${place.host}`);
  }

  /** A GCS came up. */
  served(place: Place, grounds: Grounds): void {
    this.#countHead(place, grounds);
    this.#pairs.served(place, grounds);
    if (grounds.byLease) this.#takeovers.served(place, grounds);
  }

  /** If a lease is released while the GCS still serves, a successor may lead beside it. */
  released(place: Place): void {
    if (place.serves)
      this.#fail(`expected a release after the end of Ray, got one by ${place.host} that serves`);
  }

  #countHead(place: Place, { byLease }: Grounds): void {
    const { mode, note, places } = this.#watched;
    if (mode === "explicit" && place.name !== places[0]?.name)
      this.#fail(`expected the explicit HEAD alone to lead, got ${place.host}`);
    if (mode === "explicit") note("explicit HEADs");
    if (mode === "plain-200") note("HEADs beside a plain 200 service");
    const others = places.filter((each) => each.exists && each !== place);
    if (mode === "plain-200" && others.some((each) => each.busy || !this.#view.reaches(place, each)))
      note("HEADs beside a plain 200 service that did not see all others");
    if (mode === "lease" && !byLease) note("HEADs without a lease");
    if (others.some((each) => each.rayBroken)) note("HEADs beside a node whose Ray fails");
  }

  #look = (): void => {
    const { clock, places } = this.#watched;
    this.#checkStore();
    this.#checkLed();
    for (const each of places) {
      this.#stretches.follow(`able ${each.host}`, each.serves && this.#view.hears(each));
      this.#checkGuard(each);
    }
    this.#pairs.look();
    this.#takeovers.look();
    clock.lookAfter(LOOK_EVERY_MS, this.#look);
  };

  #checkStore(): void {
    const writers = this.#watched.places.filter((each) => each.serves && each.isStrict);
    if (this.#stretches.follow("two GCSes on one store", writers.length > 1) >= WOKEN_MS)
      this.#fail(`expected one GCS on the store, got ${writers.map(({ host }) => host).join(", ")}`);
  }

  #checkGuard(place: Place): void {
    const unguarded = place.isStrict && place.serves && this.#view.runs(place) && place.guard === null;
    const forMs = this.#stretches.follow(`unguarded ${place.host}`, unguarded);
    if (forMs > UNGUARDED_MS)
      this.#fail(`expected a guard beside each strict GCS, got none at ${place.host} for ${forMs} ms`);
  }

  /** Whatever fails elsewhere, a healthy candidate that reaches the service and all other hosts leads in the end. */
  #checkLed(): void {
    const { mode, network, services, places } = this.#watched;
    const leaderless = mode === "lease" && !places.some((each) => each.serves);
    const named = places.every((each) => each.names === "well");
    const fair = leaderless && services.isFair && network.whole && named;
    for (const place of places) {
      const well = isCandidate(place.config) && !place.rayBroken && !place.guardBroken;
      const forMs = this.#stretches.follow(
        `${place.host} could lead`,
        fair && well && this.#view.runs(place),
      );
      if (forMs > LED_WITHIN_MS)
        this.#fail(`expected a HEAD, got none for ${forMs} ms in which ${place.host} could have led`);
    }
  }

  readonly #fail = (message: string): void => {
    this.violation ??= new Violation(message);
  };
}
