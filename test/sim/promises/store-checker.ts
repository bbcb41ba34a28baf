import type { Place } from "../place.ts";
import type { Granted } from "./lease-checker.ts";

/** A node begins to lead under a lease, and has a store that it uses, or puts aside. */
interface Use {
  readonly place: Place;
  readonly runId: string;
  readonly epoch: number;
  /** Those that have led with this store. */
  readonly lives: ReadonlySet<string>;
  readonly kept: boolean;
}

interface StoreWatched {
  readonly persistent: boolean;
  readonly fail: (message: string) => void;
}

/**
 * A store is used under a lease only where no other node was granted one since the last life that led with it; and always then,
 * if the service does not forget.
 */
export class StoreChecker {
  readonly #watched: StoreWatched;
  /** Who was granted or kept the lease, one after the other. */
  readonly #leaders: Granted[] = [];

  constructor(watched: StoreWatched) {
    this.#watched = watched;
  }

  granted(granted: Granted): void {
    this.#leaders.push(granted);
  }

  used({ place, runId, epoch, lives, kept }: Use): void {
    const { persistent, fail } = this.#watched;
    const from = this.#leaders.findLastIndex(({ life }) => lives.has(life));
    const to = this.#leaders.findLastIndex((each) => each.life === runId && each.epoch === epoch);
    const other = this.#leaders.slice(from + 1, Math.max(0, to)).find(({ node }) => node !== place.name);
    if (kept && other !== undefined)
      fail(`expected no store older than ${other.life}'s reign, got one used by ${runId}`);
    if (!kept && other === undefined && persistent && from >= 0)
      fail(`expected ${runId} to go on with its store, got a new cluster`);
  }
}
