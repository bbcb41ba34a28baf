import { readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { realClock } from "../common/deadline.ts";
import { probeGcs } from "../common/gcs/probe.ts";
import { createLogger } from "../common/logger.ts";
import { AliveNote } from "./alive-note.ts";
import type { Config } from "./config.ts";
import { placeOf } from "./decide/candidates.ts";
import type { Event } from "./event.ts";
import { exitCodeOf } from "./exit-code.ts";
import type { LocalFact } from "./facts.ts";
import { type HealthClient, openHealthClient } from "./health-client.ts";
import { install } from "./install.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { LifeEnd, LifeWorld } from "./life.ts";
import { nearestName } from "./nearest.ts";
import { type Memory, NodeRun } from "./node-run.ts";
import { type Plan, planInstall, planRayStart, type Role, type RunAs } from "./plan.ts";
import { Presence } from "./presence.ts";
import type { Probes } from "./probes/collect.ts";
import { render } from "./render.ts";
import { type Settled, type SettleWorld, settle } from "./settle.ts";
import { after, type NodeState, type Step } from "./state.ts";
import type { StopRequest } from "./stop-request.ts";
import type { RunEnd } from "./supervise.ts";

export interface WorldInput {
  readonly config: Config;
  readonly local: LocalFact;
  readonly runAs: RunAs;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stopRequest: StopRequest;
  /** Takes the log, whole lines at a time. */
  readonly write: (text: string) => void;
}

type Failed = Extract<Settled, { kind: "failed" }>;

/** From the kernel itself (random(4)): loading node:crypto takes a tenth of a decision. */
const randomWord = (): string => readFileSync("/proc/sys/kernel/random/uuid", "latin1").trim();

/** Everything that a node's life touches, wired together once: clients, log, lease and the memory of its HEAD. */
export class World implements LifeWorld {
  readonly clock = realClock;
  readonly probes: Probes;
  readonly stopRequest: StopRequest;
  readonly log: (event: Event) => void;
  readonly maxRestarts: number | null;
  readonly #input: WorldInput;
  /** Names this run of this process, so that the health service can tell a restart from a namesake. */
  readonly #life = randomWord();
  readonly #health: HealthClient;
  readonly #lease: LeaseKeeper;
  readonly #presence: Presence;
  readonly #alive: AliveNote;
  /** Aborts when an older living process has this node's name; then `#namesake` says so. */
  readonly #refused = new AbortController();
  #namesake: Failed | null = null;
  readonly #memory: Memory = { lastRole: null, clusterId: null, aliveAtMs: null, headSeenAtMs: null };
  #state: NodeState = "deciding";
  #role: Role | null = null;
  #run: NodeRun | null = null;
  #rayIsGone = true;

  constructor(input: WorldInput) {
    const { config, write } = input;
    const { values } = config;
    this.#input = input;
    this.stopRequest = input.stopRequest;
    this.maxRestarts = values.RAY_EP_MAX_RESTARTS;
    const logger = createLogger<Event>({ form: values.RAY_EP_LOG, write, render, now: () => new Date() });
    this.log = (event) => logger.log(event);
    this.#alive = new AliveNote(values.RAY_EP_ALIVE_FILE, values.RAY_EP_WATCH_INTERVAL);
    this.#health = openHealthClient(values.HEALTH_URL, config.healthToken);
    this.probes = {
      // A turn of the event loop later, so that a HEAD works at its answer while this process puts its request together.
      health: { look: (timeoutMs) => nextTurn().then(() => this.#health.look(timeoutMs)) },
      head: (address, timeoutMs) => probeGcs(address, { token: config.authToken, timeoutMs }),
    };
    const each = { clock: realClock, config, client: this.#health, life: this.#life };
    this.#lease = new LeaseKeeper({
      ...each,
      onChange: (ok, cause) => this.log({ type: "lease-renewal", ok, cause }),
      onRenewed: (leftMs) => this.#run?.renewed(leftMs),
      onDeposed: (trouble) => this.#run?.depose({ kind: "trouble", trouble }),
    });
    this.#presence = new Presence({ ...each, epochs: this.#lease, ...this.#namesakeHearers() });
  }

  get stop(): AbortSignal {
    return this.stopRequest.asked;
  }

  /** Says who this node is and what it was told, here and to the health service. */
  introduce(): void {
    // A note that an earlier life left behind is not true of this one.
    this.#alive.drop();
    const { node, explicitHead, whitelist: listed } = this.#input.config;
    const whitelist = listed.map((each) => each.name);
    const place = placeOf(this.#input.config);
    const nearest = place >= 0 ? null : nearestName(node, whitelist);
    this.log({ type: "started", version: __VERSION__, node, pid: process.pid });
    this.log({ type: "candidate", node, whitelist, place, nearest });
    if (explicitHead !== null) this.log({ type: "explicit-head", explicit: explicitHead });
    void this.#presence.keep();
  }

  step(step: Step): void {
    const from = this.#state;
    const to = after(from, step);
    this.#state = to;
    this.#role = step.kind === "start" ? step.role : to === "restarting" ? null : this.#role;
    if (from === to) return;
    this.log({ type: "state", from, to, step });
    this.#presence.enter(to, this.#role);
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
      config: this.#input.config,
      life: this.#life,
      log: this.log,
      step: (step) => this.step(step),
      stopRequest: this.stopRequest,
      health: this.#health,
      lease: this.#lease,
      presence: this.#presence,
      alive: this.#alive,
      probes: this.probes,
      memory: this.#memory,
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
    if (!this.#lease.held) return;
    this.log({ type: "stepped-aside" });
    await this.#lease.release();
  }

  /** Gives the lease back, which only now may be, says the last words and returns the exit code. */
  async end(end: LifeEnd, tookMs: number): Promise<number> {
    const { signal } = this.stopRequest;
    if (end.kind === "stopped" && this.#state !== "draining") this.step({ kind: "stop", signal });
    // A GCS that does not die may still write to its store: then the lease ends by its time alone.
    if (this.#rayIsGone) await this.#lease.release();
    else this.#lease.stop();
    this.step({ kind: "over" });
    this.#presence.end();
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
      askLease: (others) => this.#lease.ask(others, signal),
      ownRayVersion: local.ray.kind === "found" ? local.ray.version : null,
      stop: signal,
      onWait,
    });
  }

  /** Two living nodes of one name: the younger one ends, the elder one warns. */
  #namesakeHearers() {
    const { node } = this.#input.config;
    return {
      onDuplicate: (message: string) => {
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
