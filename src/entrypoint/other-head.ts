import type { Address } from "../common/address.ts";
import type { Clock } from "../common/deadline.ts";
import type { Sighting } from "../common/sighting.ts";
import type { Config } from "./config.ts";
import { placeOf } from "./decide/candidates.ts";
import type { Trouble } from "./watch.ts";

export interface OtherHeadWorld {
  readonly clock: Pick<Clock, "pause">;
  readonly probe: (address: Address, timeoutMs: number) => Promise<Sighting>;
  /** The epoch that stands in the GCS at `address` as that HEAD's; 0 where none does, or it cannot be read. */
  readonly epochAt: (address: Address, timeoutMs: number) => Promise<number>;
  /** Lets every other HEAD read this one's epoch, in its own GCS; undefined while that does not serve. */
  readonly publish: (epoch: number) => Promise<Published | undefined>;
  /** The epoch under which this HEAD holds the lease; 0 where it holds none. */
  readonly epoch: () => number;
}

/** What others read of this HEAD. A store that outlives GCSes may hold a higher epoch than this HEAD's own; then that counts. */
export interface Published {
  readonly clusterId: string;
  readonly epoch: number;
}

/** What decides between two HEADs: the higher epoch, else the earlier place in the whitelist. */
interface Claim {
  readonly epoch: number;
  readonly place: number;
}

const EVERY_MS = 2000;
/** How soon a GCS that has just come up is told its HEAD's epoch. */
const UNTIL_SERVED_MS = 500;

/**
 * For a HEAD that may lead beside another: looks for all other candidates, whatever the health service says, and resolves
 * with the first HEAD that it must give way to; with null when `signal` aborts first. Both of two HEADs come to the same
 * one: epochs that others read are never above the ones that their HEADs count with, since these look only when they have
 * told theirs. So at most one gives way, and one does when both have read.
 */
export function findOtherHead(
  config: Config,
  world: OtherHeadWorld,
  signal: AbortSignal,
): Promise<Trouble | null> {
  const own = new OwnClaim(placeOf(config), world);
  const found = new AbortController();
  const over = AbortSignal.any([signal, found.signal]);
  return new Promise((resolve) => {
    const end = (trouble: Trouble | null): void => {
      found.abort();
      resolve(trouble);
    };
    signal.addEventListener("abort", () => end(null), { once: true });
    void own.keepPublished(over);
    for (const [place, { name, address }] of config.whitelist.entries()) {
      const look = (): Promise<Trouble | null> => lookAt({ name, address, place }, own, config, world);
      if (place !== own.place) void repeat(look, world.clock, over, end);
    }
    if (signal.aborted) end(null);
  });
}

interface Candidate {
  readonly name: string;
  readonly address: Address;
  readonly place: number;
}

async function lookAt(
  { name, address, place }: Candidate,
  own: OwnClaim,
  { values }: Config,
  { probe, epochAt }: OtherHeadWorld,
): Promise<Trouble | null> {
  if (!own.isPublished) return null;
  const sighting = await probe(address, values.DISCOVERY_TIMEOUT);
  // An address that leads back to this node shows its own cluster.
  if (sighting.kind !== "ray-gcs" || own.isCluster(sighting.clusterId)) return null;
  const epoch = await epochAt(address, values.DISCOVERY_TIMEOUT);
  const { claim } = own;
  return outranks({ epoch, place }, claim)
    ? { kind: "outranked", node: name, address, epoch, ownEpoch: claim.epoch }
    : null;
}

const outranks = (other: Claim, own: Claim): boolean =>
  other.epoch === own.epoch ? other.place < own.place : other.epoch > own.epoch;

async function repeat(
  look: () => Promise<Trouble | null>,
  clock: OtherHeadWorld["clock"],
  over: AbortSignal,
  found: (trouble: Trouble) => void,
): Promise<void> {
  do {
    const trouble = await look();
    if (trouble !== null && !over.aborted) found(trouble);
  } while (await clock.pause(EVERY_MS, over));
}

/** This HEAD's claim, as the others read it. */
class OwnClaim {
  readonly place: number;
  readonly #world: OtherHeadWorld;
  #published: Published | undefined;

  constructor(place: number, world: OtherHeadWorld) {
    this.place = place;
    this.#world = world;
  }

  get isPublished(): boolean {
    return this.#published !== undefined;
  }

  get claim(): Claim {
    return { place: this.place, epoch: Math.max(this.#published?.epoch ?? 0, this.#world.epoch()) };
  }

  isCluster(clusterId: string): boolean {
    return this.#published?.clusterId === clusterId;
  }

  async keepPublished(over: AbortSignal): Promise<void> {
    const { clock, publish } = this.#world;
    do this.#published = (await publish(this.claim.epoch)) ?? this.#published;
    while (await clock.pause(this.isPublished ? EVERY_MS : UNTIL_SERVED_MS, over));
  }
}
