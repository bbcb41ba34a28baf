import { readEnvironment } from "../../src/common/environment.ts";
import type {
  LeaseGranted,
  LeaseRefused,
  LeaseRelease,
  LeaseReleased,
  LeaseRequest,
} from "../../src/common/protocol/lease-protocol.ts";
import type { ClusterView, NodeNoted, NodeReport } from "../../src/common/protocol/report-protocol.ts";
import { err, ok } from "../../src/common/result.ts";
import { VARIABLES } from "../../src/health-service/config.ts";
import type { Event } from "../../src/health-service/event.ts";
import type { Unavailable } from "../../src/health-service/lease/keeping.ts";
import type { Recalled } from "../../src/health-service/lease/lease-state.ts";
import { startLease } from "../../src/health-service/lease/lease-state.ts";
import { OwnKeeping } from "../../src/health-service/lease/own-keeping.ts";
import { SharedKeeping } from "../../src/health-service/lease/shared-keeping.ts";
import {
  Service as HealthService,
  type ServiceSettings as RealSettings,
} from "../../src/health-service/service.ts";
import { Actor } from "./actor.ts";
import type { Clock } from "./clock.ts";
import type { Happening } from "./coverage.ts";
import type { Peer } from "./network.ts";
import type { Prng } from "./prng.ts";
import type { ModelStore } from "./store.ts";

const CONFIG = readEnvironment(VARIABLES, {}).values;

const REFUSALS = {
  "stale-epoch": "refused stale epochs",
  "quiet-period": "refusals in a quiet period",
  storage: "refusals for a full disk",
  "old-store": "refusals for an old store",
} as const;

export interface ServiceSettings {
  readonly host: string;
  /** Null where it keeps the lease alone. */
  readonly store: ModelStore | null;
  /** How much longer than the others its machine has run, in ms, so that a mix-up of two machines' clocks shows. */
  readonly upSinceMs: number;
  readonly clock: Clock;
  readonly prng: Prng;
  /** With a state folder; without, each restart forgets. */
  readonly persistent: boolean;
  /** False: a server that answers 200 to everything and keeps no lease. */
  readonly keepsLease: boolean;
  readonly onGrant: (instance: string, granted: Extract<Event, { type: "granted" }>) => void;
  readonly onEnded: (node: string) => void;
  readonly onHeard: (instance: string, epoch: number) => void;
  readonly log: (text: string) => void;
  readonly note: (what: Happening) => void;
}

/** What a server without a lease answers to whatever it is asked. */
export const OK = "OK";

/** The health service: the real one without its HTTP, a disk that may be full, and a process that may die. */
export class Service {
  readonly #settings: ServiceSettings;
  readonly host: string;
  #actor: Actor | null = null;
  #real: HealthService | null = null;
  #disk: Recalled = { kind: "none" };
  #runs = 0;
  diskFull = false;
  /** Additional delay of writes, in ms. */
  diskSlowMs = 0;
  /** Additional delay of answers, in ms. */
  answersLateMs = 0;
  /** Nodes use its address, without a name lookup. */
  readonly hasFixedAddress: boolean;

  constructor(settings: ServiceSettings) {
    this.#settings = settings;
    this.host = settings.host;
    this.hasFixedAddress = settings.prng.chance(0.5);
  }

  /** It runs, and nothing delays its answers. */
  get prompt(): boolean {
    return this.running && this.diskSlowMs === 0 && this.answersLateMs === 0;
  }

  get running(): boolean {
    return this.#actor?.running ?? false;
  }

  get frozen(): boolean {
    return this.#actor !== null && !this.#actor.running;
  }

  start(): void {
    if (this.#actor !== null) return;
    const { clock, log, note, upSinceMs } = this.#settings;
    this.#actor = new Actor(clock);
    const instance = `${this.host}-${++this.#runs}`;
    if (this.#runs > 1)
      note(this.#disk.kind === "kept" ? "service restarts with memory" : "service restarts without memory");
    log(`${this.host} starts as ${instance}, knowing ${JSON.stringify(this.#disk)}`);
    const actor = this.#actor;
    const around = {
      file: this.#settings.persistent ? this.#file(actor) : null,
      now: () => actor.nowMs + upSinceMs,
      pause: actor.pauseFor,
      log: (event: Event) => this.#note(instance, event),
    };
    const shared = this.#share(actor, around);
    const known = { version: "0", instance, recalled: this.#disk };
    this.#real = new HealthService({ ...known, ...around, config: CONFIG, shared });
    if (shared !== undefined) this.#lookAround(actor, shared);
  }

  #share(
    actor: Actor,
    around: Pick<RealSettings, "file" | "now" | "pause" | "log">,
  ): SharedKeeping | undefined {
    const { store } = this.#settings;
    if (store === null) return undefined;
    const ttlMs = CONFIG.RAY_EP_LEASE_TTL;
    const own = new OwnKeeping(startLease(this.#disk, around.now(), ttlMs), around);
    return new SharedKeeping({
      store: store.of(actor, this.host),
      own,
      ttlMs,
      now: around.now,
      pause: around.pause,
      log: around.log,
    });
  }

  #lookAround(actor: Actor, shared: SharedKeeping): void {
    void shared.look().then(() => actor.after(1000, () => this.#lookAround(actor, shared)));
  }

  promote(): void {
    const [actor, real] = [this.#actor, this.#real];
    actor?.do(() => void real?.lease.promote());
  }

  /** It knows of a later epoch than the store. */
  get isBehind(): boolean {
    const { store } = this.#settings;
    return store !== null && this.#heard > (store.held?.epoch ?? 0);
  }

  /** It knows of this epoch after a restart as well. */
  remembers(epoch: number): boolean {
    return this.#disk.kind === "kept" && this.#disk.highestEpochSeen >= epoch;
  }

  get #heard(): number {
    const kept = this.#disk.kind === "kept" ? this.#disk.highestEpochSeen : 0;
    return Math.max(kept, this.#real?.view().epoch ?? 0);
  }

  /** Whatever was on its way to the disk is there or not. */
  crash(): void {
    this.#actor?.kill();
    this.#actor = null;
    this.#real = null;
    this.#settings.log(`${this.host} killed`);
  }

  /** Its machine is suspended. */
  suspend(): void {
    this.#actor?.suspend();
  }

  wake(): void {
    this.#actor?.wake();
  }

  pause(): void {
    this.#actor?.pause();
  }

  resume(): void {
    this.#actor?.resume();
  }

  /** It accepts connections but does not answer yet. */
  stall(on: boolean): void {
    if (on && this.#actor !== null) this.#settings.note("stalls of a service that accepts");
    if (on) this.pause();
    else this.resume();
  }

  look(): Peer<ClusterView | Unavailable | typeof OK> {
    return this.#peer(async (real) => (await real.lease.look()) ?? real.view());
  }

  ask(request: LeaseRequest): Peer<LeaseGranted | LeaseRefused | Unavailable | typeof OK> {
    return this.#peer((real) => {
      this.#hear(real, Math.max(request.epoch ?? 0, request.seen ?? 0));
      const { node, after } = request;
      if (after !== undefined && real.lease.isLastHolder(node, after))
        this.#settings.note("successors that proved themselves");
      return real.lease.ask(request);
    });
  }

  report(name: string, host: string, report: NodeReport): Peer<NodeNoted | "duplicate-name" | typeof OK> {
    return this.#peer(async (real) => {
      this.#hear(real, report.seen ?? 0);
      const noted = await real.report(name, report, host);
      if (noted === "too-many") throw new Error("a service of a few nodes knows too many");
      return noted;
    });
  }

  release(release: LeaseRelease): Peer<LeaseReleased | Unavailable | typeof OK> {
    return this.#peer((real) => real.lease.release(release));
  }

  #hear(real: HealthService, epoch: number): void {
    const { instance, epoch: known } = real.view();
    if (epoch > known) this.#settings.note("epochs told to a forgetful service");
    this.#settings.onHeard(instance, epoch);
  }

  #peer<T>(serve: (real: HealthService) => Promise<T>): Peer<T | typeof OK> {
    return {
      host: this.host,
      serve: (answer) => {
        const [actor, real] = [this.#actor, this.#real];
        if (actor === null || real === null) return "refused";
        const work = (): Promise<T | typeof OK> =>
          this.#settings.keepsLease ? serve(real) : Promise.resolve(OK);
        const tell = (value: T | typeof OK) => {
          if (this.answersLateMs > 0) this.#settings.note("answers of a service that stalls");
          if (this.answersLateMs === 0) answer(value);
          else actor.after(this.answersLateMs, () => answer(value));
        };
        actor.do(() => void work().then((value) => actor.do(() => tell(value))));
        return "taken";
      },
    };
  }

  #file(actor: Actor): RealSettings["file"] {
    const { prng, note } = this.#settings;
    return {
      path: "lease.json",
      save: async (memory) => {
        const slowMs = this.diskSlowMs;
        if (slowMs > 0) note("writes of a disk that hangs");
        if (slowMs > 0 || prng.chance(0.5)) await actor.sleep(slowMs + prng.between(0, 30));
        if (this.diskFull) return err("no space left");
        this.#disk = { kind: "kept", ...memory };
        if (prng.chance(0.5)) await actor.sleep(prng.between(0, 30));
        return ok(undefined);
      },
    };
  }

  #count(event: Event): void {
    const { note } = this.#settings;
    if (event.type === "store" && !event.ok) note("services that lost their store");
    if (event.type === "refused" && event.reason in REFUSALS)
      note(REFUSALS[event.reason as keyof typeof REFUSALS]);
    if (event.type !== "granted") return;
    if (event.how === "recognition") note("lost grants recognised");
    if (event.how === "adoption") note("epochs adopted by a forgetful service");
    if (event.how === "grant" && event.before !== null && event.before !== event.node)
      note("takeovers from another node");
  }

  #note(instance: string, event: Event): void {
    this.#count(event);
    const { store } = this.#settings;
    // What several services do, their store tells (history.ts).
    if (store === null && event.type === "released" && event.returning) this.#settings.onEnded(event.node);
    if (store === null && event.type === "granted") this.#settings.onGrant(instance, event);
    if (event.type === "granted") this.#settings.log(`${event.how} to ${event.life}, epoch ${event.epoch}`);
    if (event.type === "released") this.#settings.log(`released by ${event.node}, epoch ${event.epoch}`);
  }
}
