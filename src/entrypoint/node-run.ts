import { type Address, formatAddress } from "../common/address.ts";
import { monotonicMs, realClock } from "../common/deadline.ts";
import type { Failure } from "../common/failure.ts";
import { openGcs } from "../gcs/client.ts";
import { publishHeadEpoch, readHeadEpoch } from "../gcs/head-epoch.ts";
import type { Absence } from "./absence.ts";
import type { AliveNote } from "./alive-note.ts";
import { prepareStart } from "./before-start.ts";
import type { Config } from "./config.ts";
import type { Event } from "./event.ts";
import { Guard } from "./guard.ts";
import { startGuard } from "./guard-process.ts";
import { comparePython } from "./head-python.ts";
import type { HealthClient } from "./health-client.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import { findOtherHead } from "./other-head.ts";
import { OwnGcs } from "./own-gcs.ts";
import type { Plan } from "./plan.ts";
import type { Presence } from "./presence.ts";
import type { Probes } from "./probes/collect.ts";
import type { Membership } from "./ready.ts";
import { SessionFolder } from "./session-folder.ts";
import type { Settled } from "./settle.ts";
import type { Step } from "./state.ts";
import type { StopRequest } from "./stop-request.ts";
import { type RunEnd, supervise } from "./supervise.ts";

/** What the node remembers from one run of Ray to the next. */
export interface Memory {
  lastRole: "head" | "worker" | null;
  /** The cluster that it worked in last. */
  clusterId: string | null;
  /** When its last run was listed as ALIVE, on the monotonic clock; null where it was not. */
  aliveAtMs: number | null;
  readonly absence: Absence;
}

export interface NodeRunWorld {
  readonly config: Config;
  readonly life: string;
  readonly log: (event: Event) => void;
  readonly step: (step: Step) => void;
  readonly stopRequest: StopRequest;
  readonly health: HealthClient;
  readonly lease: LeaseKeeper;
  readonly presence: Presence;
  readonly alive: AliveNote;
  readonly probes: Probes;
  readonly memory: Memory;
  /** Major and minor of the Python that this node's Ray runs under; null where that is not known. */
  readonly python: string | null;
  readonly seek: (signal: AbortSignal) => Promise<Settled>;
  /** Called when this node has to end while something of its Ray still lives. */
  readonly onUnclear: () => void;
}

/** One run of Ray in one role, with all that stands around it: lease, guard, reach-back check, notes for others. */
export class NodeRun {
  readonly #plan: Plan;
  readonly #world: NodeRunWorld;
  readonly #deposed = Promise.withResolvers<RunEnd>();
  readonly #folder: SessionFolder;
  readonly #gcs: OwnGcs;
  #guard: Guard | null = null;
  #watching = false;

  constructor(plan: Plan, world: NodeRunWorld) {
    this.#plan = plan;
    this.#world = world;
    this.#folder = new SessionFolder(plan.tempDir, plan.start.user);
    const { auth, tls } = world.config;
    this.#gcs = new OwnGcs(plan.ready.gcs, (address) => openGcs(address, { token: auth.token, tls }));
  }

  /** Runs Ray until it ends, however that comes about. A HEAD keeps its lease meanwhile; a WORKER has none to keep. */
  async run(): Promise<RunEnd> {
    const { lease, alive } = this.#world;
    const over = new AbortController();
    const gcs = this.#gcs;
    if (this.#plan.role === "head") this.#lead(over.signal);
    else {
      lease.follow();
      // In parallel with Ray's own start, which takes longer.
      const compared = comparePython(gcs, gcs.address, this.#world.python);
      void compared.then((failure) => failure !== null && this.depose({ kind: "failed", failure }));
    }
    try {
      return await supervise(this.#plan, { gcs, ...this.#superviseWorld() });
    } finally {
      over.abort();
      lease.ended();
      alive.drop();
      gcs.close();
      await this.#guard?.dismiss();
      this.#folder.close();
    }
  }

  /** Ends this run: the node may not go on in its role. */
  depose(end: RunEnd): void {
    this.#deposed.resolve(end);
  }

  /**
   * The head lease was renewed: this HEAD may go on until then, in milliseconds since boot, without another renewal.
   */
  renewed(untilMs: number): void {
    if (this.#isStrictHead) this.#guard?.renewed(untilMs);
  }

  get #isStrictHead(): boolean {
    return this.#plan.role === "head" && this.#world.config.fencing === "strict";
  }

  /** A strict HEAD leads only with a current lease, and an explicit HEAD does not give way to others. */
  #lead(over: AbortSignal): void {
    const { lease, config, probes } = this.#world;
    lease.keep();
    if (this.#isStrictHead || config.explicitHead !== null) return;
    const options = { token: config.auth.token, tls: config.tls };
    const world = {
      clock: realClock,
      probe: probes.head,
      epochAt: (address: Address, timeoutMs: number) => readHeadEpoch(address, options, timeoutMs),
      publish: async (epoch: number) => (this.#gcs.isKnown ? publishHeadEpoch(this.#gcs, epoch) : undefined),
      epoch: () => lease.epoch,
    };
    void findOtherHead(config, world, over).then(
      (trouble) => trouble !== null && this.depose({ kind: "trouble", trouble }),
    );
  }

  #superviseWorld() {
    const { config, log, step, stopRequest, seek } = this.#world;
    return {
      log,
      seek,
      stop: stopRequest,
      deposed: this.#deposed.promise,
      watchEveryMs: config.values.RAY_EP_WATCH_INTERVAL,
      beforeStart: () => this.#beforeStart(),
      onStarted: (session: number) => this.#setGuard().watch(session),
      onReady: (membership: Membership) => this.#onReady(membership),
      onAlive: (membership: Membership) => this.#onAlive(membership),
      onHeadSeen: () => this.#onHeadSeen(),
      onUnclear: () => this.#world.onUnclear(),
      onStop: () => step({ kind: "stop", signal: stopRequest.signal }),
    };
  }

  /** Two GCSes on one store corrupt it, so strict fencing requires a guard from the start of Ray on. */
  async #beforeStart(): Promise<Failure | null> {
    const stands = this.#isStrictHead ? this.#setGuard().stands : null;
    const obstacle = await prepareStart(this.#plan, this.#folder, this.#world);
    if (obstacle !== null) return obstacle;
    const cause = await stands;
    return cause === null ? null : { reason: "no-guard", cause };
  }

  #setGuard(): Guard {
    const { lease, log } = this.#world;
    this.#guard ??= new Guard({
      clock: realClock,
      // If this process is killed, the guard outlives it and keeps the lock on Ray's folder.
      start: () => startGuard({ holds: this.#folder.fd }),
      // A lenient HEAD has no deadline, and the guard acts only when this process ends.
      untilMs: () => (this.#isStrictHead ? lease.untilMs : null),
      onChange: (cause) => log({ type: "guard", cause }),
      onGone: (cause) => {
        if (this.#isStrictHead) this.depose({ kind: "trouble", trouble: { kind: "guard-lost", cause } });
      },
    });
    return this.#guard;
  }

  #onHeadSeen(): void {
    const { absence } = this.#world.memory;
    if (this.#plan.role === "worker") absence.seen();
    else absence.forget();
  }

  #onReady(membership: Membership): void {
    const { lease, log, memory, step } = this.#world;
    const { role } = this.#plan;
    const { address } = this.#gcs;
    const { clusterId, version, node, tookMs } = membership;
    if (role === "head") lease.serving(clusterId);
    if (role === "head" && memory.clusterId !== null)
      log({ type: "state-of-cluster", from: memory.clusterId, to: clusterId });
    memory.lastRole = role;
    memory.clusterId = clusterId;
    memory.aliveAtMs = monotonicMs();
    this.#onHeadSeen();
    const { nodeId, resources } = node;
    log({ type: "ready", role, address, version, clusterId, nodeId, resources, tookMs });
    step({ kind: "alive", nodeId });
    this.#onAlive(membership);
  }

  #onAlive({ clusterId, version, node }: Membership): void {
    const { alive, config, step } = this.#world;
    if (!this.#watching) step({ kind: "watch", everyMs: config.values.RAY_EP_WATCH_INTERVAL });
    this.#watching = true;
    const where = `cluster ${clusterId.slice(0, 8)} of ${formatAddress(this.#gcs.address)}`;
    alive.renew(`${node.name} is ALIVE as ${this.#plan.role.toUpperCase()} in ${where} (Ray ${version})`);
  }
}
