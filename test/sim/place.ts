import type { Address } from "../../src/common/address.ts";
import type { Sighting, SightingKind } from "../../src/common/sighting.ts";
import type { Config } from "../../src/entrypoint/config.ts";
import type { Published } from "../../src/entrypoint/other-head.ts";
import type { Actor } from "./actor.ts";
import type { Checker } from "./checker.ts";
import type { Clock } from "./clock.ts";
import type { Happening } from "./coverage.ts";
import type { Network, Peer } from "./network.ts";
import type { Prng } from "./prng.ts";
import type { Service } from "./service.ts";

/** How long the parts of Ray take on this history's machines, in ms. */
interface Pace {
  readonly gcs: readonly [number, number];
  readonly raylet: readonly [number, number];
}

/** What all nodes of a history share. */
export interface Scene {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly network: Network;
  readonly service: Service;
  readonly places: ReadonlyMap<string, Place>;
  readonly checker: Checker;
  readonly pace: Pace;
  readonly log: (text: string) => void;
  readonly note: (what: Happening) => void;
}

/** A container: a process of ours in it, perhaps a GCS, and both may be frozen. */
export class Place {
  readonly name: string;
  readonly config: Config;
  /** Null while the container is down. */
  actor: Actor | null = null;
  /** The GCS that serves here: its cluster id, and the epoch that its HEAD has written into it. */
  gcs: { readonly clusterId: string; epoch: number } | null = null;
  /** The cluster in which this node works. */
  member: string | null = null;
  frozen = false;
  /** The next request for the lease is its last act before it freezes, so that the answer waits for the thaw. */
  freezesAsking = false;
  /** Strict: when the guard beside Ray kills it, unless a renewal comes. */
  guardEndsMs = 0;
  /** Somebody wants this container to run: its restart policy holds. */
  wanted = true;
  /** Sends the process of this container its SIGTERM. */
  askToStop: () => void = () => {};
  /** `ray start` fails here. */
  rayBroken = false;
  /** A container that is gone has no name in Docker's network; a machine that is gone is silent. */
  nameGoes = true;

  constructor(name: string, config: Config) {
    this.name = name;
    this.config = config;
  }

  get serves(): boolean {
    return this.gcs !== null && !this.frozen;
  }

  /** Ends everything in the container. */
  kill(): void {
    this.actor?.kill();
    this.actor = null;
    this.gcs = null;
    this.member = null;
    this.frozen = false;
    this.freezesAsking = false;
  }

  /** Strict: the guard kills Ray when the lease was not renewed in time, also where the supervisor is frozen. True: it did. */
  guard(nowMs: number): boolean {
    const late = this.config.fencing === "strict" && nowMs > this.guardEndsMs;
    if (!late || this.frozen || this.gcs === null) return false;
    this.gcs = null;
    return true;
  }

  /** As src/common/gcs/head-epoch.ts does in its own GCS. */
  publish(epoch: number): Published | undefined {
    if (this.gcs === null) return undefined;
    this.gcs.epoch = Math.max(this.gcs.epoch, epoch);
    return { ...this.gcs };
  }

  /** What the network meets on this node's GCS port. */
  gcsPort(): Peer<Published> {
    return {
      name: this.name,
      serve: (answer) => {
        if (this.frozen) return "lost";
        if (this.gcs === null) return this.actor === null ? "lost" : "refused";
        answer({ ...this.gcs });
        return "taken";
      },
    };
  }
}

/** Asks one address whether a HEAD is there, as the probes do. */
export async function sight(
  scene: Scene,
  from: Place,
  actor: Actor,
  address: Address,
  timeoutMs: number,
): Promise<Sighting> {
  const seen = (kind: SightingKind): Sighting => ({ address, ms: 0, ...kind });
  const target = scene.places.get(address.host);
  if (target === undefined || (target.actor === null && target.nameGoes)) {
    await actor.sleep(1);
    return seen({ kind: "unresolved", code: "ENOTFOUND" });
  }
  const reply = await scene.network.call(actor, from.name, target.gcsPort(), timeoutMs);
  if (reply.kind === "answer")
    return seen({ kind: "ray-gcs", version: "2.60.0", clusterId: reply.value.clusterId });
  return seen(reply.kind === "refused" ? { kind: "refused" } : { kind: "timeout", phase: "connect" });
}

/** Reads the epoch that the HEAD at an address has written; 0 where there is none or no answer. */
export async function epochAt(
  { places, network }: Scene,
  from: Place,
  actor: Actor,
  address: Address,
  timeoutMs: number,
): Promise<number> {
  const target = places.get(address.host);
  if (target === undefined) return 0;
  const reply = await network.call(actor, from.name, target.gcsPort(), timeoutMs);
  return reply.kind === "answer" ? reply.value.epoch : 0;
}
