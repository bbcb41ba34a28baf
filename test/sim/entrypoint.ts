import type { Clock } from "../../src/common/deadline.ts";
import type { RayUser } from "../../src/entrypoint/config/become.ts";
import type { LocalFact } from "../../src/entrypoint/config/local.ts";
import type { Deps } from "../../src/entrypoint/deps.ts";
import { anyOf } from "../../src/entrypoint/lease/any-of.ts";
import type { HealthClient } from "../../src/entrypoint/lease/health-client.ts";
import { sparing } from "../../src/entrypoint/lease/without-lease.ts";
import { Node } from "../../src/entrypoint/node.ts";
import { type Event, render } from "../../src/entrypoint/output/event.ts";
import type { Fault } from "../../src/entrypoint/ray/verdict.ts";
import { StopRequest } from "../../src/entrypoint/stop-request.ts";
import { Actor } from "./actor.ts";
import type { Happening } from "./coverage.ts";
import { probe } from "./gcs.ts";
import { healthClientOf, watched } from "./health-client.ts";
import type { Place, Scene } from "./place.ts";
import { ModelRay } from "./ray.ts";
import { ModelState } from "./state.ts";

const USER: RayUser = {
  name: "ray",
  uid: 1000,
  gid: 1000,
  groups: [],
  home: "/home/ray",
  shell: "/bin/bash",
};
const LOCAL: LocalFact = {
  ms: 0,
  user: USER.name,
  rayUser: USER,
  becomes: null,
  requirements: [],
  stateObstacle: null,
  // No Python: nobody compares it, which would take one more question to each HEAD.
  ray: { path: "/bin/ray", version: "2.60.0", python: null },
};

/** One run of the entrypoint in its container: the real node on a virtual clock; around it, all is a model. */
export class Entrypoint {
  readonly scene: Scene;
  readonly place: Place;
  readonly actor: Actor;
  readonly runId: string;
  readonly beganAtMs: number;
  readonly state: ModelState;
  /** Its last decision to lead was by the lease. */
  byLease = false;
  readonly #stopRequest: StopRequest;
  readonly #node: Node;

  constructor(scene: Scene, place: Place, runId: string) {
    this.scene = scene;
    this.place = place;
    this.runId = runId;
    this.beganAtMs = scene.clock.nowMs;
    this.actor = new Actor(scene.clock);
    place.actor = this.actor;
    this.state = new ModelState(this);
    const clock: Clock = {
      now: () => this.actor.nowMs,
      bootMs: () => scene.clock.nowMs + place.upSinceMs,
      pause: this.actor.pauseFor,
    };
    this.#stopRequest = new StopRequest(clock);
    const deps: Deps = {
      clock,
      health: sparing(watched(this, this.#services(clock)), clock),
      probe: (address, timeoutMs) => probe(this, address, timeoutMs),
      ray: new ModelRay(this),
      state: this.state,
      aliveNote: { renew: () => {}, drop: () => {} },
      log: (event) => this.#hear(event),
    };
    const input = { config: place.config, local: LOCAL, runId, stopRequest: this.#stopRequest };
    this.#node = new Node({ ...input, env: {}, introduction: [] }, deps);
  }

  #services(clock: Clock): HealthClient {
    const { all } = this.scene.services;
    return anyOf(
      all.map((each) => healthClientOf(this, each)),
      clock,
    );
  }

  /** It is asked to stop. */
  get stopping(): boolean {
    return this.#stopRequest.asked.aborted;
  }

  /** As SIGTERM: a frozen process hears it when it thaws. */
  askToStop(): void {
    this.actor.do(() => this.#stopRequest.receive("SIGTERM"));
  }

  /** The whole container: process and Ray. */
  freeze(): void {
    this.scene.note("nodes frozen while they ask");
    this.place.freezesAsking = false;
    this.place.freeze();
  }

  /** Resolves at its end. */
  async run(): Promise<void> {
    this.scene.log(`${this.runId} starts`);
    const exitCode = await this.#node.live();
    this.scene.log(`${this.runId} exits with ${exitCode}`);
  }

  #hear(event: Event): void {
    const { note, checker, log, tells } = this.scene;
    if (tells && TOLD.has(event.type)) for (const line of render(event)) log(`${this.runId}: ${line}`);
    if (event.type === "decision" && event.decision.role === "head")
      this.byLease = event.decision.rule === "3-head-lease";
    if (event.type === "ready" && event.role === "head") checker.readyHeads.push(this.place.host);
    if (event.type === "stepped-aside") note("leases given up after failed starts");
    if (event.type === "failed" && event.failure.reason === "duplicate-name")
      note("nodes refused for their name");
    if (event.type === "trouble") this.#count(event.trouble);
  }

  #count(fault: Fault): void {
    const { note } = this.scene;
    const what = WORTH_COUNTING[fault.kind];
    if (what !== undefined) note(what);
    if (fault.kind === "outranked")
      note(
        fault.epoch === fault.ownEpoch
          ? "HEADs that gave way to an earlier one"
          : "HEADs that gave way to a higher epoch in sight",
      );
  }
}

/** What a history's story tells of a node. */
const TOLD: ReadonlySet<Event["type"]> = new Set([
  "decision",
  "ready",
  "head-out-of-reach",
  "trouble",
  "setback",
  "lease-renewal",
  "guard",
  "stopping",
  "failed",
]);

const WORTH_COUNTING: Partial<Record<Fault["kind"], Happening>> = {
  superseded: "HEADs that gave way to a higher epoch",
  "lease-lost": "leases lost in strict mode",
  "guard-lost": "HEADs ended since their guard could not be replaced",
};
