import { randomUUID } from "node:crypto";
import { formatAddress } from "../common/address.ts";
import { monotonicMs, realClock } from "../common/deadline.ts";
import { openGcs } from "../common/gcs/client.ts";
import { probeGcs } from "../common/gcs/probe.ts";
import { RENEW_DEADLINE_S } from "../common/lease-protocol.ts";
import { createLogger } from "../common/logger.ts";
import { AliveNote } from "./alive-note.ts";
import type { Config } from "./config.ts";
import { placeOf } from "./decide/candidates.ts";
import { findEarlierHead } from "./earlier-head.ts";
import type { Event } from "./event.ts";
import { exitCodeOf } from "./exit-code.ts";
import type { LocalFact } from "./facts.ts";
import { Guard } from "./guard.ts";
import { type HealthClient, openHealthClient } from "./health-client.ts";
import { install } from "./install.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { LifeEnd, LifeWorld } from "./life.ts";
import { nearestName } from "./nearest.ts";
import { type Plan, planInstall, planRayStart, type Role, type RunAs } from "./plan.ts";
import { Presence } from "./presence.ts";
import type { Probes } from "./probes/collect.ts";
import { checkReachBack } from "./reach-back.ts";
import type { Membership } from "./ready.ts";
import { render } from "./render.ts";
import { putSessionsAside } from "./sessions.ts";
import { type Settled, settle } from "./settle.ts";
import { after, type NodeState, type Step } from "./state.ts";
import { StopRequest } from "./stop-request.ts";
import { type RunEnd, supervise } from "./supervise.ts";

export interface WorldInput {
  readonly config: Config;
  readonly local: LocalFact;
  readonly runAs: RunAs;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes the log, whole lines at a time. */
  readonly write: (text: string) => void;
}

type Failed = Extract<Settled, { kind: "failed" }>;

/** What is kept of earlier runs, for debugging: a session holds a few MB of logs, or far more where jobs print much. */
const KEPT_SESSIONS = { count: 2, bytes: 512 * 2 ** 20 };

/** Everything that a node's life touches, wired together once: clients, log, lease and the memory of its HEAD. */
export class World implements LifeWorld {
  readonly clock = realClock;
  readonly probes: Probes;
  readonly stopRequest = new StopRequest();
  readonly log: (event: Event) => void;
  readonly maxRestarts: number | null;
  readonly #input: WorldInput;
  /** Names this run of this process, so that the health service can tell a restart from a namesake. */
  readonly #life = randomUUID();
  readonly #health: HealthClient;
  readonly #lease: LeaseKeeper;
  readonly #presence: Presence;
  readonly #alive: AliveNote;
  readonly #duplicate: Promise<Failed>;
  #state: NodeState = "deciding";
  #role: Role | null = null;
  #lastRole: "head" | "worker" | null = null;
  /** When this node last saw the HEAD that it joined; null where there is none but itself. */
  #headSeenAtMs: number | null = null;
  #guard: Guard | null = null;
  #depose: (end: RunEnd) => void = () => {};

  constructor(input: WorldInput) {
    const { config, write } = input;
    const { values, node } = config;
    this.#input = input;
    this.maxRestarts = values.RAY_EP_MAX_RESTARTS;
    this.#alive = new AliveNote(values.RAY_EP_ALIVE_FILE, values.RAY_EP_WATCH_INTERVAL);
    const logger = createLogger<Event>({ form: values.RAY_EP_LOG, write, render, now: () => new Date() });
    this.log = (event) => logger.log(event);
    this.#health = openHealthClient(values.HEALTH_URL, config.healthToken);
    this.probes = {
      health: this.#health,
      head: (address, timeoutMs) => probeGcs(address, { token: config.authToken, timeoutMs }),
    };
    const each = { clock: realClock, config, client: this.#health, life: this.#life };
    this.#lease = new LeaseKeeper({
      ...each,
      onChange: (ok, cause) => this.log({ type: "lease-renewal", ok, cause }),
      onRenewed: () => this.#guard?.renewed(),
      onDeposed: (trouble) => this.#depose({ kind: "trouble", trouble }),
    });
    const { promise, resolve } = Promise.withResolvers<Failed>();
    this.#duplicate = promise;
    this.#presence = new Presence({
      ...each,
      onDuplicate: (message) =>
        resolve({ kind: "failed", failure: { reason: "duplicate-name", node, message } }),
      onNamesake: () =>
        this.log({
          type: "warning",
          what: `another living process calls itself ${node} too, and was refused`,
          fix: "Give each node its own hostname.",
        }),
    });
  }

  get stop(): AbortSignal {
    return this.stopRequest.asked;
  }

  /** Says who this node is and what it was told, here and to the health service. */
  introduce(): void {
    // One that an earlier life left behind is not true of this one.
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

  settle(): Promise<Settled> {
    const onWait = (reason: Extract<Step, { kind: "wait" }>["reason"]) => this.step({ kind: "wait", reason });
    return Promise.race([this.#seek(this.stop, onWait), this.#duplicate]);
  }

  plan(role: Role): Plan {
    return planRayStart({ ...this.#input, role });
  }

  /** Runs Ray in its role; a HEAD keeps its lease meanwhile, a WORKER has none to keep. */
  async supervise(plan: Plan): Promise<RunEnd> {
    const { promise: deposed, resolve } = Promise.withResolvers<RunEnd>();
    this.#depose = resolve;
    void this.#duplicate.then(resolve);
    this.#lease.starting();
    if (plan.role === "head") this.#lease.keep();
    else this.#lease.stop();
    const over = new AbortController();
    if (plan.role === "head" && !this.#lease.held && this.#input.config.explicitHead === null)
      void findEarlierHead(this.#input.config, this.probes.head, realClock, over.signal).then(
        (trouble) => trouble !== null && resolve({ kind: "trouble", trouble }),
      );
    const gcs = openGcs(plan.ready.gcs, { token: this.#input.config.authToken });
    try {
      return await supervise(plan, {
        gcs,
        deposed,
        stop: this.stopRequest,
        log: this.log,
        beforeStart: () => this.#beforeStart(plan),
        guard: (session) => this.#setGuard(plan, session),
        onReady: (membership) => this.#onReady(plan, membership),
        onAlive: (membership) => this.#onAlive(plan, membership),
        onHeadSeen: () => {
          this.#headSeenAtMs = plan.role === "worker" ? monotonicMs() : null;
        },
        onStop: () => this.step({ kind: "stop", signal: this.stopRequest.signal }),
        seek: (signal) => this.#seek(signal, () => {}),
        watchEveryMs: this.#input.config.values.RAY_EP_WATCH_INTERVAL,
      });
    } finally {
      over.abort();
      this.#guard = null;
      this.#alive.drop();
      gcs.close();
    }
  }

  /** Gives the lease back, which only now may be, says the last words and returns the exit code. */
  async end(end: LifeEnd, tookMs: number): Promise<number> {
    const { signal } = this.stopRequest;
    if (end.kind === "stopped" && this.#state !== "draining") this.step({ kind: "stop", signal });
    await this.#lease.release();
    this.step({ kind: "over" });
    this.#presence.end();
    const exitCode = end.kind === "stopped" ? 0 : exitCodeOf(end.failure);
    if (end.kind === "stopped") this.log({ type: "stopped", signal, tookMs });
    else this.log({ type: "failed", failure: end.failure, exitCode });
    return exitCode;
  }

  #seek(signal: AbortSignal, onWait: Parameters<typeof settle>[1]["onWait"]): Promise<Settled> {
    const { config, local } = this.#input;
    return settle(config, {
      clock: realClock,
      probes: this.probes,
      log: this.log,
      askLease: (others) => this.#lease.ask(others, signal),
      ownRayVersion: local.ray.kind === "found" ? local.ray.version : null,
      stop: signal,
      lastRole: this.#lastRole,
      headSeenAtMs: this.#headSeenAtMs,
      onWait,
    });
  }

  async #beforeStart({ tempDir }: Plan): Promise<void> {
    const names = putSessionsAside(tempDir, KEPT_SESSIONS);
    if (names.length > 0) this.log({ type: "sessions-put-aside", folder: tempDir, names });
    await this.#presence.told;
    const reach = await checkReachBack({
      config: this.#input.config,
      life: this.#life,
      client: this.#health,
    });
    if (reach !== null) this.log({ type: "reach-back", ...reach });
  }

  /** Without a lease there is nothing to lose, and then only the end of this process counts. */
  #setGuard({ role }: Plan, session: number): Guard {
    const strict = role === "head" && this.#input.config.fencing === "strict" && this.#lease.held;
    const guard = new Guard(session, strict ? RENEW_DEADLINE_S * 1000 : null);
    this.#guard = guard;
    if (!guard.stands)
      this.log({
        type: "warning",
        what: "no guard: this system has no /bin/bash, so Ray lives on if this program is killed",
        fix: "Install bash.",
      });
    return guard;
  }

  #onAlive({ role, ready }: Plan, { clusterId, version, node }: Membership): void {
    if (this.#state === "ready")
      this.step({ kind: "watch", everyMs: this.#input.config.values.RAY_EP_WATCH_INTERVAL });
    const where = `cluster ${clusterId.slice(0, 8)} of ${formatAddress(ready.gcs)}`;
    this.#alive.renew(`${node.name} is ALIVE as ${role.toUpperCase()} in ${where} (Ray ${version})`);
  }

  #onReady(plan: Plan, membership: Membership): void {
    const { role, ready } = plan;
    const { clusterId, version, node, tookMs } = membership;
    if (role === "head") this.#lease.serving(clusterId);
    this.#lastRole = role;
    const { nodeId, resources } = node;
    this.log({ type: "ready", role, address: ready.gcs, version, clusterId, nodeId, resources, tookMs });
    this.step({ kind: "alive", nodeId });
    this.#onAlive(plan, membership);
  }
}
