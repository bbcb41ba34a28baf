import type { Address } from "../../common/address.ts";
import type { Clock } from "../../common/deadline.ts";
import type { ProbeResult } from "../../common/probe-result.ts";
import type { Config } from "../config/config.ts";
import { placeOf } from "../election/decide/candidates.ts";
import type { Fault } from "../ray/verdict.ts";

export interface OtherHeadDeps {
  readonly clock: Pick<Clock, "pause">;
  readonly probe: (address: Address, timeoutMs: number) => Promise<ProbeResult>;
  /** The epoch that the HEAD at `address` has stored in its GCS; 0 if none is stored or it cannot be read. */
  readonly epochAt: (address: Address, timeoutMs: number) => Promise<number>;
  /** Stores this HEAD's epoch in its own GCS, where other HEADs read it; undefined while the GCS does not serve. */
  readonly publish: (epoch: number) => Promise<Published | undefined>;
  /** The epoch of this HEAD's lease; 0 if it holds none. */
  readonly epoch: () => number;
}

/**
 * What others read about this HEAD. A store that outlives the GCS may hold a higher epoch than this HEAD's own; then
 * the higher one counts.
 */
export interface Published {
  readonly clusterId: string;
  readonly epoch: number;
}

/** What decides between two HEADs: the higher epoch, then the earlier place in the whitelist. */
interface Claim {
  readonly epoch: number;
  readonly place: number;
}

const EVERY_MS = 2000;
/** How often to try to store the epoch in a GCS that is starting. */
const UNTIL_SERVED_MS = 500;

/**
 * For a HEAD that may not be the only one: probes all other candidates, whatever the health service says. Resolves
 * with the first HEAD to which this one must give way, or with null when `signal` aborts first. Two HEADs always
 * agree which of them stays: each publishes its epoch before it reads another's, so others never read a higher epoch than
 * the HEAD itself uses. So at most one gives way, and one does as soon as both have read.
 */
export function findOtherHead(
  config: Config,
  deps: OtherHeadDeps,
  signal: AbortSignal,
): Promise<Fault | null> {
  const own = new OwnClaim(placeOf(config), deps);
  const found = new AbortController();
  const over = AbortSignal.any([signal, found.signal]);
  return new Promise((resolve) => {
    const end = (fault: Fault | null): void => {
      found.abort();
      resolve(fault);
    };
    signal.addEventListener("abort", () => end(null), { once: true });
    void own.keepPublished(over);
    for (const [place, { name, address }] of config.whitelist.entries()) {
      const look = (): Promise<Fault | null> => lookAt({ name, address, place }, own, config, deps);
      if (place !== own.place) void repeat(look, deps.clock, over, end);
    }
    if (signal.aborted) end(null);
  });
}

type Candidate = Config["whitelist"][number] & Pick<Claim, "place">;

async function lookAt(
  { name, address, place }: Candidate,
  own: OwnClaim,
  { values }: Config,
  { probe, epochAt }: OtherHeadDeps,
): Promise<Fault | null> {
  if (!own.isPublished) return null;
  const result = await probe(address, values.DISCOVERY_TIMEOUT);
  // An address that leads back to this node shows this node's own cluster.
  if (result.kind !== "ray-gcs" || own.isCluster(result.clusterId)) return null;
  await own.publish();
  const epoch = await epochAt(address, values.DISCOVERY_TIMEOUT);
  const { claim } = own;
  return outranks({ epoch, place }, claim)
    ? { kind: "outranked", node: name, address, epoch, ownEpoch: claim.epoch }
    : null;
}

const outranks = (other: Claim, own: Claim): boolean =>
  other.epoch === own.epoch ? other.place < own.place : other.epoch > own.epoch;

async function repeat(
  look: () => Promise<Fault | null>,
  clock: OtherHeadDeps["clock"],
  over: AbortSignal,
  found: (fault: Fault) => void,
): Promise<void> {
  do {
    const fault = await look();
    if (fault !== null && !over.aborted) found(fault);
  } while (await clock.pause(EVERY_MS, over));
}

/** This HEAD's claim, as the others read it. */
class OwnClaim {
  readonly place: number;
  readonly #deps: OtherHeadDeps;
  #published: Published | undefined;

  constructor(place: number, deps: OtherHeadDeps) {
    this.place = place;
    this.#deps = deps;
  }

  get isPublished(): boolean {
    return this.#published !== undefined;
  }

  get claim(): Claim {
    return { place: this.place, epoch: Math.max(this.#published?.epoch ?? 0, this.#deps.epoch()) };
  }

  isCluster(clusterId: string): boolean {
    return this.#published?.clusterId === clusterId;
  }

  /** Also reads what is stored: any task of the cluster can write there, and the others read it. */
  async publish(): Promise<void> {
    this.#published = (await this.#deps.publish(this.claim.epoch)) ?? this.#published;
  }

  /** Each new epoch, which a new grant of the lease brings. */
  async keepPublished(over: AbortSignal): Promise<void> {
    do if (this.claim.epoch !== this.#published?.epoch) await this.publish();
    while (await this.#deps.clock.pause(this.isPublished ? EVERY_MS : UNTIL_SERVED_MS, over));
  }
}
