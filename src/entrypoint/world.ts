import { realClock } from "../common/deadline.ts";
import { Absence } from "./absence.ts";
import type { Config } from "./config.ts";
import type { Event } from "./event.ts";
import { exitCodeOf } from "./exit-code.ts";
import { type LocalFact, rayOf } from "./facts.ts";
import { install } from "./install.ts";
import { introduction } from "./introduction.ts";
import type { LifeEnd, LifeWorld } from "./life.ts";
import { type Memory, NodeRun } from "./node-run.ts";
import { becomes, type Plan, planInstall, planRayStart, type Role, type RunAs } from "./plan.ts";
import type { Probes } from "./probes/collect.ts";
import { type Settled, type SettleWorld, settle } from "./settle.ts";
import { after, type NodeState, type Step } from "./state.ts";
import type { StopRequest } from "./stop-request.ts";
import type { RunEnd } from "./supervise.ts";
import { type Hearers, type Wiring, wire } from "./wiring.ts";

export interface WorldInput {
  readonly config: Config;
  readonly local: LocalFact;
  readonly runAs: RunAs;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stopRequest: StopRequest;
  /** Our output is a terminal. */
  readonly terminal: boolean;
  /** Takes the log, whole lines at a time. */
  readonly write: (text: string) => void;
}

type Failed = Extract<Settled, { kind: "failed" }>;

/** Everything that a node's life touches, held together for all of it: wiring, state and the memory of its HEAD. */
export class World implements LifeWorld {
  readonly clock = realClock;
  readonly probes: Probes;
  readonly stopRequest: StopRequest;
  readonly log: (event: Event) => void;
  readonly maxRestarts: number | null;
  readonly #input: WorldInput;
  readonly #wiring: Wiring;
  /** Aborts when an older living process has this node's name; then `#namesake` says so. */
  readonly #refused = new AbortController();
  #namesake: Failed | null = null;
  readonly #memory: Memory = {
    lastRole: null,
    clusterId: null,
    aliveAtMs: null,
    absence: new Absence(realClock),
  };
  #state: NodeState = "deciding";
  #role: Role | null = null;
  #run: NodeRun | null = null;
  #rayIsGone = true;

  constructor(input: WorldInput) {
    this.#input = input;
    this.stopRequest = input.stopRequest;
    this.maxRestarts = input.config.values.RAY_EP_MAX_RESTARTS;
    this.#wiring = wire(input.config, becomes(input.runAs), input.write, this.#hearers());
    this.log = this.#wiring.log;
    this.probes = this.#wiring.probes;
  }

  get stop(): AbortSignal {
    return this.stopRequest.asked;
  }

  /** Says who this node is and what it was told, here and to the health service. */
  introduce(): void {
    // A note that an earlier life left behind is not true of this one.
    this.#wiring.alive.drop();
    const { node } = this.#input.config;
    this.log({ type: "started", version: __VERSION__, node, pid: process.pid });
    for (const each of introduction(this.#input)) this.log(each);
    void this.#wiring.presence.keep();
  }

  step(step: Step): void {
    const from = this.#state;
    const to = after(from, step);
    this.#state = to;
    this.#role = step.kind === "start" ? step.role : to === "restarting" ? null : this.#role;
    if (from === to) return;
    this.log({ type: "state", from, to, step });
    this.#wiring.presence.enter(to, this.#role);
  }

  prepare(): ReturnType<typeof install> {
    return install(planInstall(this.#input, this.#input.local.requirements), this);
  }

  async settle(): Promise<Settled> {
    const onWait: SettleWorld["onWait"] = (reason) => this.step({ kind: "wait", reason });
    const settled = await this.#seek(AbortSignal.any([this.stop, this.#refused.signal]), onWait);
    return this.#namesake ?? settled;
  }

  plan(role: Role): Plan {
    return planRayStart({ ...this.#input, role });
  }

  async supervise(plan: Plan): Promise<RunEnd> {
    const run = new NodeRun(plan, {
      ...this.#wiring,
      config: this.#input.config,
      step: (step) => this.step(step),
      stopRequest: this.stopRequest,
      memory: this.#memory,
      python: rayOf(this.#input.local)?.python ?? null,
      seek: (signal) => this.#seek(signal, () => {}),
      onUnclear: () => {
        this.#rayIsGone = false;
      },
    });
    this.#run = run;
    try {
      return this.#namesake ?? (await run.run());
    } finally {
      this.#run = null;
    }
  }

  takeAliveMs(): number {
    const { aliveAtMs } = this.#memory;
    this.#memory.aliveAtMs = null;
    return aliveAtMs === null ? 0 : this.clock.now() - aliveAtMs;
  }

  async stepAside(): Promise<void> {
    if (!this.#wiring.lease.held) return;
    this.log({ type: "stepped-aside" });
    await this.#wiring.lease.release();
  }

  /** Gives the lease back, which only now may be, says the last words and returns the exit code. */
  async end(end: LifeEnd, tookMs: number): Promise<number> {
    const { signal } = this.stopRequest;
    if (end.kind === "stopped" && this.#state !== "draining") this.step({ kind: "stop", signal });
    // A GCS that does not die may still write to its store: then the lease ends by its time alone.
    if (this.#rayIsGone) await this.#wiring.lease.release();
    else this.#wiring.lease.stop();
    this.step({ kind: "over" });
    this.#wiring.presence.end();
    const exitCode = end.kind === "stopped" ? 0 : exitCodeOf(end.failure);
    if (end.kind === "stopped") this.log({ type: "stopped", signal, tookMs });
    else this.log({ type: "failed", failure: end.failure, exitCode });
    return exitCode;
  }

  #seek(signal: AbortSignal, onWait: SettleWorld["onWait"]): Promise<Settled> {
    const { config, local } = this.#input;
    return settle(config, {
      ...this.#memory,
      clock: realClock,
      probes: this.probes,
      log: this.log,
      askLease: (others) => this.#wiring.lease.ask(others, signal),
      ownRayVersion: rayOf(local)?.version ?? null,
      stop: signal,
      onWait,
    });
  }

  #hearers(): Hearers {
    const { node } = this.#input.config;
    return {
      onRenewed: (untilMs) => this.#run?.renewed(untilMs),
      onDeposed: (trouble) => this.#run?.depose({ kind: "trouble", trouble }),
      // Two living nodes of one name: the younger one ends, the elder one warns.
      onDuplicate: (message) => {
        this.#namesake = { kind: "failed", failure: { reason: "duplicate-name", node, message } };
        this.#refused.abort();
        this.#run?.depose(this.#namesake);
      },
      onNamesake: () =>
        this.log({
          type: "warning",
          what: `another living process calls itself ${node} too, and was refused`,
          fix: "Give each node its own hostname.",
        }),
    };
  }
}
