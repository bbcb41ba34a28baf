import type { Config } from "../../src/entrypoint/config/config.ts";
import type { Published } from "../../src/entrypoint/lease/other-head.ts";
import type { Actor } from "./actor.ts";
import type { Clock } from "./clock.ts";
import type { Happening } from "./coverage.ts";
import type { GuardProcess } from "./guard-process.ts";
import type { NameService, Names } from "./names.ts";
import type { Network, Peer } from "./network.ts";
import type { Prng } from "./prng.ts";
import type { Checker } from "./promises/checker.ts";
import type { Session } from "./ray.ts";
import type { Services } from "./services.ts";
import type { Folder } from "./state.ts";

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
  readonly names: Names;
  readonly services: Services;
  readonly checker: Checker;
  readonly pace: Pace;
  readonly log: (text: string) => void;
  /** Somebody will read what is logged. */
  readonly tells: boolean;
  readonly note: (what: Happening) => void;
}

/**
 * A host with one container: an entrypoint, perhaps with a GCS and a guard; all of them may be paused or suspended
 * together.
 */
export class Place {
  /** Names the host. Two hosts may have nodes of one name. */
  readonly host: string;
  /** The node's name. */
  readonly name: string;
  readonly config: Config;
  /** How much longer than the others this machine has run, in ms, so that a mix-up of two machines' clocks shows. */
  readonly upSinceMs: number;
  /** Null while the container is down. */
  actor: Actor | null = null;
  /** Strict fencing: the guard, which kills Ray if the lease is not renewed. */
  guard: GuardProcess | null = null;
  /** Ray's processes, which keep running while their supervisor is paused. */
  ray: Session | null = null;
  /** The GCS that serves here: its cluster id, and the epoch that its HEAD has written into it. */
  gcs: { readonly clusterId: string; epoch: number } | null = null;
  readonly folder: Folder = { life: null, epoch: null, store: null };
  /** The cluster in which this node works. */
  member: string | null = null;
  /** All processes in the container are paused. */
  frozen = false;
  asleep = false;
  /** The GCS is too busy to answer. */
  busy = false;
  names: NameService = "well";
  /** Its lookups of a shared name lead to the second host. */
  prefersTwins = false;
  /** False for a second host of a name before it is set up, and for a removed host. */
  exists: boolean;
  /** No guard can be started here. */
  guardBroken = false;
  /** The next request for the lease is its last act before it freezes, so that the answer waits for the thaw. */
  freezesAsking = false;
  /** Somebody wants this container to run: its restart policy holds. */
  wanted = true;
  /** Sends the process of this container its SIGTERM. */
  askToStop: () => void = () => {};
  /** `ray start` fails here. */
  rayBroken = false;
  /** A container that is gone has no name in Docker's network; a machine that is gone is silent. */
  nameGoes = true;

  constructor(host: string, config: Config, upSinceMs: number, exists = true) {
    this.host = host;
    this.name = config.node;
    this.config = config;
    this.upSinceMs = upSinceMs;
    this.exists = exists;
  }

  get serves(): boolean {
    return this.gcs !== null && !this.frozen && !this.asleep;
  }

  get isNamed(): boolean {
    return this.actor !== null || !this.nameGoes;
  }

  get isStrict(): boolean {
    return this.config.fencing === "strict";
  }

  freeze(): void {
    if (this.actor === null) return;
    this.frozen = true;
    for (const each of this.#processes()) each.pause();
  }

  thaw(): void {
    this.frozen = false;
    this.freezesAsking = false;
    for (const each of this.#processes()) each.resume();
  }

  /** The machine is suspended: its timers stop, but its time since boot goes on. */
  suspend(): void {
    if (this.actor === null) return;
    this.asleep = true;
    for (const each of this.#processes()) each.suspend();
  }

  wake(): void {
    this.asleep = false;
    for (const each of this.#processes()) each.wake();
  }

  #processes(): Actor[] {
    return [this.actor, this.guard?.actor, this.ray?.actor].filter((each) => each != null);
  }

  /** Ends everything in the container. */
  kill(): void {
    this.actor?.kill();
    this.guard?.actor.kill();
    this.actor = null;
    this.guard = null;
    this.endRay();
    this.frozen = false;
    this.asleep = false;
    this.freezesAsking = false;
  }

  /** KILLs Ray's session. */
  endRay(): void {
    this.ray?.end(1);
  }

  /** KILLs the GCS alone. */
  endGcs(): void {
    if (this.gcs === null) return;
    this.gcs = null;
    this.ray?.loseGcs();
  }

  /** What the network meets on this node's GCS port. */
  gcsPort(): Peer<Published> {
    return {
      host: this.host,
      serve: (answer) => {
        if (this.frozen || this.asleep) return "lost";
        if (this.gcs === null) return this.actor === null ? "lost" : "refused";
        if (this.busy) return "lost";
        answer({ ...this.gcs });
        return "taken";
      },
    };
  }
}
