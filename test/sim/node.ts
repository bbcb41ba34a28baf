import { type Address, formatAddress } from "../../src/common/address.ts";
import type { Failure } from "../../src/common/failure.ts";
import { Absence } from "../../src/entrypoint/absence.ts";
import { Guard } from "../../src/entrypoint/guard.ts";
import { LeaseKeeper } from "../../src/entrypoint/lease-keeper.ts";
import { live } from "../../src/entrypoint/life.ts";
import { findOtherHead } from "../../src/entrypoint/other-head.ts";
import type { Plan, Role } from "../../src/entrypoint/plan.ts";
import { Presence } from "../../src/entrypoint/presence.ts";
import { type Settled, settle } from "../../src/entrypoint/settle.ts";
import { after, type NodeState, type Step } from "../../src/entrypoint/state.ts";
import type { RunEnd } from "../../src/entrypoint/supervise.ts";
import type { Trouble } from "../../src/entrypoint/watch.ts";
import { Actor } from "./actor.ts";
import { GuardProcess } from "./guard-process.ts";
import { clientOf, lookFrom } from "./node-clients.ts";
import { epochAt, type Place, type Scene, sight } from "./place.ts";
import { failToStart, runHead, runWorker, stopped } from "./ray.ts";

type Failed = Extract<Settled, { kind: "failed" }>;

/** One run of the entrypoint in its container: the real life, decision, lease keeper and reports; Ray itself is a model. */
export class Node {
  readonly scene: Scene;
  readonly place: Place;
  readonly actor: Actor;
  readonly life: string;
  readonly beganAtMs: number;
  readonly keeper: LeaseKeeper;
  readonly #clock: { now: () => number; bootMs: () => number; pause: Actor["pauseFor"] };
  readonly #stop = new AbortController();
  readonly #presence: Presence;
  readonly #duplicate = Promise.withResolvers<Failed>();
  #state: NodeState = "deciding";
  #lastRole: "head" | "worker" | null = null;
  #byLease = false;
  readonly absence: Absence;
  #aliveAtMs: number | null = null;
  #guard: Guard | null = null;
  #onDeposed: (end: RunEnd) => void = () => {};
  /** It has learned the health service's address, and uses it when names fail. */
  knowsService = false;

  constructor(scene: Scene, place: Place, life: string) {
    const { clock } = scene;
    this.scene = scene;
    this.place = place;
    this.life = life;
    this.beganAtMs = clock.nowMs;
    this.actor = new Actor(clock);
    place.actor = this.actor;
    this.#clock = {
      now: () => this.actor.nowMs,
      bootMs: () => clock.nowMs + place.upSinceMs,
      pause: this.actor.pauseFor,
    };
    this.absence = new Absence(this.#clock);
    const each = { clock: this.#clock, config: place.config, client: clientOf(this), life };
    this.keeper = new LeaseKeeper({
      ...each,
      onChange: () => {},
      onRenewed: (untilMs) => this.#guard?.renewed(untilMs),
      onDeposed: (trouble) => this.#onDeposed({ kind: "trouble", trouble }),
    });
    const { node } = place.config;
    this.#presence = new Presence({
      ...each,
      epochs: this.keeper,
      status: () => undefined,
      onDuplicate: (message) =>
        this.#duplicate.resolve({ kind: "failed", failure: { reason: "duplicate-name", node, message } }),
      onNamesake: () => {},
    });
  }

  /** Aborts when this node is asked to stop. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** As SIGTERM: a frozen process hears it when it thaws. */
  askToStop(): void {
    this.actor.do(() => this.#stop.abort());
  }

  /** The whole container: process and Ray. */
  freeze(): void {
    this.scene.note("nodes frozen while they ask");
    this.place.freezesAsking = false;
    this.place.freeze();
  }

  /** Lives until its end, then `onExit` hears whether it was asked to end. */
  async run(onExit: () => void): Promise<void> {
    this.scene.log(`${this.life} starts`);
    void this.#presence.keep();
    const end = await live({
      clock: this.#clock,
      log: () => {},
      step: (step) => this.#step(step),
      stop: this.stop,
      prepare: () => Promise.resolve(null),
      settle: () => Promise.race([this.settle(this.stop), this.#duplicate.promise]),
      // Only Ray itself would read a plan.
      plan: (role) => ({ role }) as unknown as Plan,
      supervise: (plan) => this.#supervise((plan as unknown as { role: Role }).role),
      takeAliveMs: () => this.#takeAliveMs(),
      stepAside: () => this.#stepAside(),
      maxRestarts: null,
    });
    const why = end.kind === "failed" ? end.failure.reason : end.kind;
    this.scene.log(`${this.life} exits: ${why}`);
    if (why === "duplicate-name") this.scene.note("nodes refused for their name");
    if (end.kind === "stopped" && this.keeper.held) this.scene.note("releases on a stop");
    await this.keeper.release();
    this.#presence.end();
    onExit();
  }

  async settle(stop: AbortSignal): Promise<Settled> {
    const settled = await settle(this.place.config, {
      clock: this.#clock,
      probes: { health: { look: (timeoutMs) => lookFrom(this, timeoutMs) }, head: this.#probe },
      askLease: (others) => this.keeper.ask(others, stop),
      log: () => {},
      ownRayVersion: null,
      stop,
      lastRole: this.#lastRole,
      absence: this.absence,
      onWait: (reason) => stop === this.stop && this.#step({ kind: "wait", reason }),
    });
    if (settled.kind === "role" && !stop.aborted) this.#tellRole(settled);
    return settled;
  }

  ready(role: "head" | "worker", clusterId: string): void {
    this.#lastRole = role;
    this.#aliveAtMs = this.actor.nowMs;
    this.place.member = clusterId;
    if (role === "head") {
      this.keeper.serving(clusterId);
      this.scene.checker.readyHeads.push(this.place.host);
    }
    if (role === "worker") this.absence.seen();
    else this.absence.forget();
    this.#step({ kind: "alive", nodeId: this.life });
    this.#step({ kind: "watch", everyMs: 1000 });
    this.scene.log(`${this.life} is ready as ${role} of ${clusterId}`);
  }

  readonly #probe = (address: Parameters<typeof sight>[3], timeoutMs: number) =>
    sight(this.scene, this.place, this.actor, address, timeoutMs);

  #step(step: Step): void {
    const from = this.#state;
    this.#state = after(from, step);
    const role = step.kind === "start" ? step.role : null;
    if (this.#state !== from) this.#presence.enter(this.#state, role);
  }

  #takeAliveMs(): number {
    const aliveAtMs = this.#aliveAtMs;
    this.#aliveAtMs = null;
    return aliveAtMs === null ? 0 : this.actor.nowMs - aliveAtMs;
  }

  #stepAside(): Promise<void> {
    if (this.keeper.held) this.scene.note("leases given up after failed starts");
    return this.keeper.release();
  }

  #tellRole({ role, decision }: Extract<Settled, { kind: "role" }>): void {
    this.#byLease = decision.rule === "3-head-lease";
    const where = role.role === "worker" ? ` of ${formatAddress(role.head)}` : "";
    this.scene.log(`${this.life} decides: ${role.role}${where} (${decision.rule})`);
  }

  async #supervise(role: Role): Promise<RunEnd> {
    const deposed = new Promise<RunEnd>((resolve) => {
      this.#onDeposed = resolve;
    });
    void this.#duplicate.promise.then((end) => this.#onDeposed(end));
    const over = new AbortController();
    if (role.role === "head") this.#lead(over.signal);
    else this.keeper.follow();
    const end = await this.#runRay(role, deposed);
    // A drain, which nobody waits for whose place another has.
    if (end.kind === "stopped")
      await Promise.race([this.actor.sleep(this.scene.prng.between(200, 5000)), deposed]);
    over.abort();
    this.place.endRay();
    this.keeper.ended();
    await this.#guard?.dismiss();
    this.#guard = null;
    this.#tellEnd(end);
    return end;
  }

  async #runRay(role: Role, deposed: Promise<RunEnd>): Promise<RunEnd> {
    const obstacle = role.role === "head" && this.place.isStrict ? await this.#setGuard(deposed) : null;
    if (obstacle !== null) return obstacle;
    if (this.place.rayBroken) return failToStart(this, deposed);
    return role.role === "head" ? runHead(this, deposed, this.#byLease) : runWorker(this, deposed, role.head);
  }

  /** As in src/entrypoint/node-run.ts: with strict fencing, no Ray without a guard. */
  async #setGuard(deposed: Promise<RunEnd>): Promise<RunEnd | null> {
    const { place, scene, keeper, actor } = this;
    this.#guard = new Guard({
      clock: this.#clock,
      start: () => new GuardProcess(scene, place, actor),
      untilMs: () => keeper.untilMs,
      onChange: () => {},
      onGone: (cause) => this.#onDeposed({ kind: "trouble", trouble: { kind: "guard-lost", cause } }),
    });
    const cause = this.#guard.stands.then((cause): RunEnd | null => {
      const failure: Failure | null = cause === null ? null : { reason: "no-guard", cause };
      return failure && { kind: "failed", failure };
    });
    return Promise.race([cause, deposed, stopped(this.stop)]);
  }

  /** Ray has begun, and the guard is told which session to kill. */
  rayBegins(): void {
    this.scene.checker.began(this.place);
    this.#guard?.watch(1);
  }

  /** As in src/entrypoint/node-run.ts. */
  #lead(over: AbortSignal): void {
    const { config } = this.place;
    this.keeper.keep();
    if (this.place.isStrict || config.explicitHead !== null) return;
    const world = {
      clock: this.#clock,
      probe: this.#probe,
      epochAt: (address: Address, timeoutMs: number) =>
        epochAt(this.scene, this.place, this.actor, address, timeoutMs),
      publish: (epoch: number) => Promise.resolve(this.place.publish(epoch)),
      epoch: () => this.keeper.epoch,
    };
    void findOtherHead(config, world, over).then(
      (trouble) => trouble !== null && this.#onDeposed({ kind: "trouble", trouble }),
    );
  }

  #tellEnd(end: RunEnd): void {
    const why = end.kind === "trouble" ? end.trouble.kind : end.kind;
    this.scene.log(`${this.life} ends its Ray: ${why}`);
    if (end.kind !== "trouble") return;
    const { trouble } = end;
    const what = WORTH_COUNTING[trouble.kind];
    if (what !== undefined) this.scene.note(what);
    if (trouble.kind === "outranked")
      this.scene.note(
        trouble.epoch === trouble.ownEpoch
          ? "HEADs that gave way to an earlier one"
          : "HEADs that gave way to a higher epoch in sight",
      );
  }
}

const WORTH_COUNTING = {
  superseded: "HEADs that gave way to a higher epoch",
  "lease-lost": "leases lost in strict mode",
  "guard-lost": "HEADs ended since their guard could not be replaced",
} as const satisfies Partial<Record<Trouble["kind"], string>> as Partial<
  Record<Trouble["kind"], Parameters<Scene["note"]>[0]>
>;
