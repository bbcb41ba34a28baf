import { formatAddress } from "../../src/common/address.ts";
import type { LeaseGranted, LeaseRefused } from "../../src/common/lease-protocol.ts";
import { ok } from "../../src/common/result.ts";
import type { HealthFact, LeaseFact } from "../../src/entrypoint/facts.ts";
import type { HealthClient } from "../../src/entrypoint/health-client.ts";
import { LeaseKeeper } from "../../src/entrypoint/lease-keeper.ts";
import { live } from "../../src/entrypoint/life.ts";
import type { Plan, Role } from "../../src/entrypoint/plan.ts";
import { type Settled, settle } from "../../src/entrypoint/settle.ts";
import type { RunEnd } from "../../src/entrypoint/supervise.ts";
import type { Trouble } from "../../src/entrypoint/watch.ts";
import { Actor } from "./actor.ts";
import type { Reply } from "./network.ts";
import { type Place, type Scene, sight } from "./place.ts";
import { runHead, runWorker } from "./ray.ts";

interface SimPlan {
  readonly role: Role;
  readonly byLease: boolean;
}

/** One run of the entrypoint in its container: the real life, decision and lease keeper; Ray itself is a model. */
export class Node {
  readonly scene: Scene;
  readonly place: Place;
  readonly actor: Actor;
  readonly life: string;
  readonly keeper: LeaseKeeper;
  readonly #clock: { now: () => number; pause: Actor["pauseFor"] };
  /** Nobody asks a node of the simulation to stop: it is killed, or exits by itself. */
  readonly #never = new AbortController().signal;
  #lastRole: "head" | "worker" | null = null;
  #byLease = false;
  headSeenAtMs: number | null = null;
  #aliveAtMs: number | null = null;
  #onDeposed: (trouble: Trouble) => void = () => {};

  constructor(scene: Scene, place: Place, life: string) {
    const { clock } = scene;
    this.scene = scene;
    this.place = place;
    this.life = life;
    this.actor = new Actor(clock);
    place.actor = this.actor;
    this.#clock = { now: () => clock.nowMs, pause: this.actor.pauseFor };
    this.keeper = new LeaseKeeper({
      clock: this.#clock,
      config: place.config,
      client: this.#client(),
      life,
      onChange: () => {},
      onRenewed: () => {
        place.signAtMs = clock.nowMs;
      },
      onDeposed: (trouble) => this.#onDeposed(trouble),
    });
  }

  /** Lives until its end, then the container's restart policy starts the next run. */
  async run(onExit: () => void): Promise<void> {
    this.scene.log(`${this.life} starts`);
    const end = await live({
      clock: this.#clock,
      log: () => {},
      step: () => {},
      stop: this.#never,
      prepare: () => Promise.resolve(null),
      settle: () => this.settle(this.#never),
      // Only Ray itself would read a plan.
      plan: (role) => ({ role, byLease: this.#byLease }) as unknown as Plan,
      supervise: (plan) => this.#supervise(plan as unknown as SimPlan),
      takeAliveMs: () => this.#takeAliveMs(),
      stepAside: () => this.keeper.release(),
      maxRestarts: null,
    });
    const why = end.kind === "failed" ? end.failure.reason : end.kind;
    this.scene.log(`${this.life} exits: ${why}`);
    await this.keeper.release();
    onExit();
  }

  async settle(stop: AbortSignal): Promise<Settled> {
    const settled = await settle(this.place.config, {
      clock: this.#clock,
      probes: {
        health: { look: (timeoutMs) => this.#look(timeoutMs) },
        head: (address, timeoutMs) => sight(this.scene, this.place, this.actor, address, timeoutMs),
      },
      askLease: (others) => this.keeper.ask(others, stop),
      log: () => {},
      ownRayVersion: null,
      stop,
      lastRole: this.#lastRole,
      headSeenAtMs: this.headSeenAtMs,
      onWait: () => {},
    });
    if (settled.kind === "role" && !stop.aborted) this.#tellRole(settled);
    return settled;
  }

  ready(role: "head" | "worker", clusterId: string): void {
    this.#lastRole = role;
    this.#aliveAtMs = this.scene.clock.nowMs;
    this.place.member = clusterId;
    if (role === "head") {
      this.keeper.serving(clusterId);
      this.scene.checker.readyHeads.push(this.place.name);
    }
    this.headSeenAtMs = role === "worker" ? this.scene.clock.nowMs : null;
    this.scene.log(`${this.life} is ready as ${role} of ${clusterId}`);
  }

  #takeAliveMs(): number {
    const aliveAtMs = this.#aliveAtMs;
    this.#aliveAtMs = null;
    return aliveAtMs === null ? 0 : this.scene.clock.nowMs - aliveAtMs;
  }

  #tellRole({ role, decision }: Extract<Settled, { kind: "role" }>): void {
    this.#byLease = decision.rule === "3-head-lease";
    const where = role.role === "worker" ? ` of ${formatAddress(role.head)}` : "";
    this.scene.log(`${this.life} decides: ${role.role}${where} (${decision.rule})`);
  }

  async #supervise({ role, byLease }: SimPlan): Promise<RunEnd> {
    const deposed = new Promise<Trouble>((resolve) => {
      this.#onDeposed = resolve;
    });
    this.keeper.starting();
    if (role.role === "head") this.keeper.keep();
    else this.keeper.stop();
    const end = await (role.role === "head" ? runHead(this, deposed, byLease) : runWorker(this, role.head));
    this.place.gcs = null;
    this.place.member = null;
    const why = end.kind === "trouble" ? end.trouble.kind : end.kind;
    this.scene.log(`${this.life} ends its Ray: ${why}`);
    return end;
  }

  /** Three tries, as the probe of the health service makes them; its own retries are switched off (history.ts). */
  async #look(timeoutMs: number): Promise<Exclude<HealthFact, { kind: "unknown" }>> {
    const { network, service } = this.scene;
    for (let attempt = 1; ; attempt++) {
      const reply = await network.call(this.actor, this.place.name, service.look(), timeoutMs);
      if (reply.kind === "answer") return { kind: "lease", ms: 0, view: reply.value };
      if (attempt === 3) return { kind: "down", ms: 0, attempts: 1, cause: reply.kind };
      await this.actor.sleep(500);
    }
  }

  #client(): Pick<HealthClient, "askLease" | "releaseLease"> {
    const { network, service } = this.scene;
    const { name } = this.place;
    const { lease } = this.scene.checker;
    return {
      askLease: async (request, timeoutMs) => {
        const sentAtMs = this.scene.clock.nowMs;
        const fact = toFact(await network.call(this.actor, name, service.ask(request), timeoutMs));
        if (fact.kind === "granted") lease.told(name, this.life, sentAtMs);
        if (fact.kind === "refused") lease.over(this.life);
        return fact;
      },
      releaseLease: async (release, timeoutMs) => {
        lease.over(this.life);
        await network.call(this.actor, name, service.release(release), timeoutMs);
        return ok(undefined);
      },
    };
  }
}

function toFact(reply: Reply<LeaseGranted | LeaseRefused>): LeaseFact {
  if (reply.kind !== "answer") return { kind: "no-answer", cause: reply.kind };
  const { value } = reply;
  return value.granted ? { ...value, kind: "granted" } : { ...value, kind: "refused" };
}
