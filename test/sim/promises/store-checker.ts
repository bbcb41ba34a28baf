import type { Granted } from "./lease-checker.ts";

/** A life that leads under an epoch. */
export interface Tenure {
  readonly life: string;
  readonly epoch: number;
}

interface StoreWatched {
  readonly persistent: boolean;
  readonly fail: (message: string) => void;
}

/**
 * A store is used under a lease only where no other node was granted one since it was last led with; and always then,
 * if the service does not forget.
 */
export class StoreChecker {
  readonly #watched: StoreWatched;
  /** Who was granted or kept the lease, one after the other. */
  readonly #leaders: Pick<Granted, "node" | "life" | "epoch">[] = [];

  constructor(watched: StoreWatched) {
    this.#watched = watched;
  }

  granted(granted: Granted): void {
    this.#leaders.push(granted);
  }

  /** Nobody knows who has led since: an old store counts. */
  forgot(): void {
    this.#leaders.push(NOBODY_KNOWS);
  }

  /** A node of that name begins to lead, and uses its store, or puts it aside. */
  used(name: string, before: Tenure | null, now: Tenure | null, kept: boolean): void {
    const { persistent, fail } = this.#watched;
    const [from, to] = [this.#indexOf(before), this.#indexOf(now)];
    const other = this.#leaders.slice(from + 1, Math.max(0, to)).find(({ node }) => node !== name);
    if (kept && other !== undefined)
      fail(`expected no store older than ${other.life}'s leadership, got one used by ${now?.life}`);
    if (!kept && other === undefined && persistent && from >= 0)
      fail(`expected ${now?.life} to go on with its store, got a new cluster`);
  }

  #indexOf(tenure: Tenure | null): number {
    return this.#leaders.findLastIndex(({ life, epoch }) => life === tenure?.life && epoch === tenure.epoch);
  }
}

const NOBODY_KNOWS = { node: "?", life: "?", epoch: 0 };
