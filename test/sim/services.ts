import type { Network } from "./network.ts";
import type { Place } from "./place.ts";
import type { Service } from "./service.ts";
import { type ModelStore, STORE } from "./store.ts";

/** The health service, or several that share a store. */
export class Services {
  readonly all: readonly Service[];
  readonly store: ModelStore | null;
  readonly #network: Network;

  constructor(all: readonly Service[], store: ModelStore | null, network: Network) {
    this.all = all;
    this.store = store;
    this.#network = network;
  }

  start(): void {
    for (const each of this.all) each.start();
  }

  /** Ends whatever was done to them. */
  heal(): void {
    if (this.store !== null) this.store.hasMajority = true;
    for (const each of this.all) {
      each.diskFull = false;
      each.start();
      each.resume();
      each.wake();
    }
    this.promote();
  }

  /** What is in an old store counts. */
  promote(): void {
    if (this.store !== null) for (const each of this.all) each.promote();
  }

  get running(): boolean {
    return this.all.some((each) => each.running);
  }

  /** One of them can grant a lease, as far as it depends on itself. */
  get isFair(): boolean {
    return this.#work && this.all.some((each) => each.prompt && !each.diskFull);
  }

  get diskFull(): boolean {
    return this.store === null && this.all.every((each) => each.diskFull);
  }

  get #work(): boolean {
    return this.store === null || (this.store.hasMajority && !this.all.some((each) => each.isBehind));
  }

  /** A request from there is answered by one of them. */
  hears(place: Place): boolean {
    const open = (a: string, b: string) => this.#network.isOpen(a, b) && this.#network.isOpen(b, a);
    return (
      this.#work &&
      this.all.some(
        (each) =>
          open(place.host, each.host) &&
          (this.store === null || open(each.host, STORE)) &&
          (place.names === "well" || each.hasFixedAddress) &&
          each.prompt,
      )
    );
  }
}
