import type { Clock } from "../clock.ts";
import type { Mode } from "../cluster.ts";
import type { Happening } from "../coverage.ts";
import type { Names } from "../names.ts";
import type { Network } from "../network.ts";
import type { Place } from "../place.ts";
import type { Services } from "../services.ts";

export interface Watched {
  readonly clock: Clock;
  readonly network: Network;
  readonly names: Names;
  readonly services: Services;
  readonly places: readonly Place[];
  readonly persistent: boolean;
  readonly mode: Mode;
  readonly note: (what: Happening) => void;
}

/** Which nodes can see and hear each other now, which no node itself can know. */
export class View {
  readonly #watched: Watched;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  runs({ actor }: Place): boolean {
    return actor?.running ?? false;
  }

  /** A request from `from` to the name of `to` reaches this host, and the answer comes back. */
  reaches(from: Place, to: Place): boolean {
    const { network, names } = this.#watched;
    const open = network.isOpen(from.host, to.host) && network.isOpen(to.host, from.host);
    return open && network.calm && this.runs(from) && names.leads(from, to);
  }

  hears(place: Place): boolean {
    const { network, services } = this.#watched;
    return services.hears(place) && network.calm && this.runs(place);
  }
}

/** The conditions that hold without interruption, by name, and since when. */
export class Stretches {
  readonly #clock: Clock;
  readonly #since = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long it has held without interruption, in ms. */
  follow(what: string, holds: boolean): number {
    const { nowMs } = this.#clock;
    if (!holds) {
      this.#since.delete(what);
      return 0;
    }
    const sinceMs = this.#since.get(what);
    if (sinceMs === undefined) this.#since.set(what, nowMs);
    return nowMs - (sinceMs ?? nowMs);
  }

  sinceMs(what: string): number | undefined {
    return this.#since.get(what);
  }
}
