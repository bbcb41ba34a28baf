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
import type { Recalled } from "../../src/health-service/lease/lease-state.ts";
import {
  Service as HealthService,
  type ServiceSettings as RealSettings,
} from "../../src/health-service/service.ts";
import { Actor } from "./actor.ts";
import type { Clock } from "./clock.ts";
import type { Happening } from "./coverage.ts";
import type { Peer } from "./network.ts";
import type { Prng } from "./prng.ts";

export const SERVICE = "health";

const REFUSALS = {
  "stale-epoch": "refused stale epochs",
  "quiet-period": "refusals in a quiet period",
  storage: "refusals for a full disk",
} as const;

export interface ServiceSettings {
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
    const { clock, log, note } = this.#settings;
    this.#actor = new Actor(clock);
    const instance = `run-${++this.#runs}`;
    if (this.#runs > 1)
      note(this.#disk.kind === "kept" ? "service restarts with memory" : "service restarts without memory");
    log(`service starts as ${instance}, knowing ${JSON.stringify(this.#disk)}`);
    const actor = this.#actor;
    this.#real = new HealthService({
      ...{ version: "0", instance, recalled: this.#disk },
      config: readEnvironment(VARIABLES, {}).values,
      file: this.#settings.persistent ? this.#file(actor) : null,
      now: () => actor.nowMs,
      pause: actor.pauseFor,
      log: (event) => this.#note(instance, event),
    });
  }

  /** Whatever was on its way to the disk is there or not. */
  crash(): void {
    this.#actor?.kill();
    this.#actor = null;
    this.#real = null;
    this.#settings.log("service killed");
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

  look(): Peer<ClusterView | typeof OK> {
    return this.#peer((real) => Promise.resolve(real.view()));
  }

  ask(request: LeaseRequest): Peer<LeaseGranted | LeaseRefused | typeof OK> {
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

  release(release: LeaseRelease): Peer<LeaseReleased | typeof OK> {
    return this.#peer((real) => real.lease.release(release));
  }

  #hear(real: HealthService, epoch: number): void {
    const { instance, epoch: known } = real.view();
    if (epoch > known) this.#settings.note("epochs told to a forgetful service");
    this.#settings.onHeard(instance, epoch);
  }

  #peer<T>(serve: (real: HealthService) => Promise<T>): Peer<T | typeof OK> {
    return {
      host: SERVICE,
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
    if (event.type === "released" && event.returning) this.#settings.onEnded(event.node);
    if (event.type === "granted") this.#settings.onGrant(instance, event);
    if (event.type === "granted") this.#settings.log(`${event.how} to ${event.life}, epoch ${event.epoch}`);
    if (event.type === "released") this.#settings.log(`released by ${event.node}, epoch ${event.epoch}`);
  }
}
