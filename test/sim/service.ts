import type {
  ClusterView,
  LeaseGranted,
  LeaseRefused,
  LeaseRelease,
  LeaseReleased,
  LeaseRequest,
} from "../../src/common/lease-protocol.ts";
import { LEASE_TTL_S } from "../../src/common/lease-protocol.ts";
import { err, ok } from "../../src/common/result.ts";
import type { Event } from "../../src/health-server/event.ts";
import { LeaseBook } from "../../src/health-server/lease-book.ts";
import type { LeaseState } from "../../src/health-server/lease-state.ts";
import type { LeaseStore, Recalled } from "../../src/health-server/store.ts";
import { Actor } from "./actor.ts";
import type { Clock } from "./clock.ts";
import type { Peer } from "./network.ts";
import type { Prng } from "./prng.ts";

export const SERVICE = "health";

export interface ServiceSettings {
  readonly clock: Clock;
  readonly prng: Prng;
  /** With a state folder; without, each restart forgets. */
  readonly persistent: boolean;
  readonly onGrant: (instance: string, granted: Extract<Event, { type: "granted" }>) => void;
  readonly onHeard: (instance: string, epoch: number) => void;
  readonly log: (text: string) => void;
}

/** The health service: the real book of the lease, a disk that may be full, and a process that may die. */
export class Service {
  readonly #settings: ServiceSettings;
  #actor: Actor | null = null;
  #book: LeaseBook | null = null;
  #disk: Recalled = { kind: "none" };
  #runs = 0;
  diskFull = false;

  constructor(settings: ServiceSettings) {
    this.#settings = settings;
  }

  get running(): boolean {
    return this.#actor?.running ?? false;
  }

  start(): void {
    if (this.#actor !== null) return;
    const { clock, log } = this.#settings;
    this.#actor = new Actor(clock);
    const instance = `run-${++this.#runs}`;
    log(`service starts as ${instance}, knowing ${JSON.stringify(this.#disk)}`);
    this.#book = new LeaseBook(
      {
        instance,
        lease: {
          ttlMs: LEASE_TTL_S * 1000,
          sameNameAfterMs: 5000,
          askAgainMs: 2000,
          isCandidate: () => true,
        },
        store: this.#settings.persistent ? this.#store(this.#actor) : null,
        now: () => clock.nowMs,
        log: (event) => this.#note(instance, event),
      },
      this.#disk,
    );
  }

  /** Whatever was on its way to the disk is there or not. */
  crash(): void {
    this.#actor?.kill();
    this.#actor = null;
    this.#book = null;
    this.#settings.log("service killed");
  }

  pause(): void {
    this.#actor?.pause();
  }

  resume(): void {
    this.#actor?.resume();
  }

  look(): Peer<ClusterView> {
    return this.#peer((book) => Promise.resolve(this.#view(book)));
  }

  ask(request: LeaseRequest): Peer<LeaseGranted | LeaseRefused> {
    return this.#peer((book) => {
      this.#settings.onHeard(book.view().instance, Math.max(request.epoch ?? 0, request.seen ?? 0));
      return book.ask(request);
    });
  }

  release(release: LeaseRelease): Peer<LeaseReleased> {
    return this.#peer((book) => book.release(release));
  }

  #peer<T>(serve: (book: LeaseBook) => Promise<T>): Peer<T> {
    return {
      name: SERVICE,
      serve: (answer) => {
        const [actor, book] = [this.#actor, this.#book];
        if (actor === null || book === null) return "refused";
        actor.do(() => void serve(book).then((value) => actor.do(() => answer(value))));
        return "taken";
      },
    };
  }

  #view(book: LeaseBook): ClusterView {
    return { service: "ray-entrypoint-health", version: "0", uptime: 0, nodes: [], ...book.view() };
  }

  #store(actor: Actor): LeaseStore {
    const { prng } = this.#settings;
    return {
      file: "lease.json",
      recall: () => Promise.resolve(this.#disk),
      save: async (state) => {
        if (prng.chance(0.5)) await actor.sleep(prng.between(0, 30));
        if (this.diskFull) return err("no space left");
        this.#disk = { kind: "kept", memory: memoryOf(state) };
        if (prng.chance(0.5)) await actor.sleep(prng.between(0, 30));
        return ok(undefined);
      },
    };
  }

  #note(instance: string, event: Event): void {
    if (event.type === "granted") this.#settings.onGrant(instance, event);
    if (event.type === "granted") this.#settings.log(`${event.how} to ${event.life}, epoch ${event.epoch}`);
    if (event.type === "released") this.#settings.log(`released by ${event.life}, epoch ${event.epoch}`);
  }
}

const memoryOf = ({ epoch, heard, hold }: LeaseState) => ({ epoch, heard, hold });
