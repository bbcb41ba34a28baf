import { randomUUID } from "node:crypto";
import leven from "leven";
import { formatAddress } from "../common/address.ts";
import { monotonicMs, realClock } from "../common/deadline.ts";
import type { Failure } from "../common/failure.ts";
import { openGcs } from "../common/gcs/client.ts";
import { probeGcs } from "../common/gcs/probe.ts";
import { createLogger } from "../common/logger.ts";
import { AliveNote } from "./alive-note.ts";
import type { Config } from "./config.ts";
import { placeOf } from "./decide.ts";
import type { Event } from "./event.ts";
import { exitCodeOf } from "./exit-code.ts";
import type { LocalFact } from "./facts.ts";
import { openHealthClient } from "./health-client.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { LifeEnd, LifeWorld } from "./life.ts";
import { type Plan, planRayStart, type RunAs } from "./plan.ts";
import type { Probes } from "./probes/collect.ts";
import type { Membership } from "./ready.ts";
import { render } from "./render.ts";
import { type Settled, settle } from "./settle.ts";
import { StopRequest } from "./stop-request.ts";
import { type RunEnd, supervise } from "./supervise.ts";
import type { Trouble } from "./watch.ts";

export interface WorldInput {
  readonly config: Config;
  readonly local: LocalFact;
  readonly runAs: RunAs;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes the log, whole lines at a time. */
  readonly write: (text: string) => void;
}

/** Everything that a node's life touches, wired together once: clients, log, lease and the memory of its HEAD. */
export class World implements LifeWorld {
  readonly clock = realClock;
  readonly probes: Probes;
  readonly stopRequest = new StopRequest();
  readonly log: (event: Event) => void;
  readonly maxRestarts: number | null;
  readonly #input: WorldInput;
  readonly #lease: LeaseKeeper;
  readonly #alive: AliveNote;
  #lastRole: "head" | "worker" | null = null;
  /** When this node last saw the HEAD that it joined; null where there is none but itself. */
  #headSeenAtMs: number | null = null;
  #onSuperseded: (trouble: Trouble) => void = () => {};

  constructor(input: WorldInput) {
    const { config, write } = input;
    const { values } = config;
    this.#input = input;
    this.maxRestarts = values.RAY_EP_MAX_RESTARTS;
    this.#alive = new AliveNote(values.RAY_EP_ALIVE_FILE, values.RAY_EP_WATCH_INTERVAL);
    const logger = createLogger<Event>({ form: values.RAY_EP_LOG, write, render, now: () => new Date() });
    this.log = (event) => logger.log(event);
    const health = openHealthClient(values.HEALTH_URL, null);
    this.probes = {
      health,
      head: (address, timeoutMs) => probeGcs(address, { token: config.authToken, timeoutMs }),
    };
    this.#lease = new LeaseKeeper({
      clock: realClock,
      config,
      client: health,
      life: randomUUID(),
      onChange: (ok, cause) => this.log({ type: "lease-renewal", ok, cause }),
      onSuperseded: (by, epoch) => this.#onSuperseded({ kind: "superseded", by, epoch }),
    });
  }

  get stop(): AbortSignal {
    return this.stopRequest.asked;
  }

  /** Says who this node is and what it was told. */
  introduce(): void {
    // One that an earlier life left behind is not true of this one.
    this.#alive.drop();
    const { config } = this.#input;
    const { node, explicitHead } = config;
    const whitelist = config.whitelist.map((each) => each.name);
    const place = placeOf(config);
    const nearest = place >= 0 ? null : nearestName(node, whitelist);
    this.log({ type: "started", version: __VERSION__, node, pid: process.pid });
    this.log({ type: "candidate", node, whitelist, place, nearest });
    if (explicitHead !== null) this.log({ type: "explicit-head", explicit: explicitHead });
  }

  settle(signal: AbortSignal = this.stop): Promise<Settled> {
    const { config, local } = this.#input;
    return settle(config, {
      clock: realClock,
      probes: this.probes,
      log: this.log,
      askLease: (others) => this.#lease.ask(others),
      ownRayVersion: local.ray.kind === "found" ? local.ray.version : null,
      stop: signal,
      lastRole: this.#lastRole,
      headSeenAtMs: this.#headSeenAtMs,
    });
  }

  plan(role: Parameters<LifeWorld["plan"]>[0]): Plan {
    const { config, runAs, env, local } = this.#input;
    return planRayStart({ config, role, runAs, env, requirements: local.requirements });
  }

  /** Runs Ray in its role; a HEAD keeps its lease meanwhile, a WORKER has none to keep. */
  async supervise(plan: Plan): Promise<RunEnd> {
    const superseded = new Promise<Trouble>((resolve) => {
      this.#onSuperseded = resolve;
    });
    this.#lease.starting();
    if (plan.role === "head") this.#lease.keep();
    else this.#lease.stop();
    const gcs = openGcs(plan.ready.gcs, { token: this.#input.config.authToken });
    try {
      return await supervise(plan, {
        gcs,
        superseded,
        stop: this.stopRequest,
        log: this.log,
        onReady: (membership) => this.#onReady(plan, membership),
        onAlive: (membership) => this.#onAlive(plan, membership),
        onHeadSeen: () => {
          this.#headSeenAtMs = plan.role === "worker" ? monotonicMs() : null;
        },
        seek: (signal) => this.settle(signal),
        watchEveryMs: this.#input.config.values.RAY_EP_WATCH_INTERVAL,
      });
    } finally {
      this.#alive.drop();
      gcs.close();
    }
  }

  /** Gives the lease back, which only now may be, says the last words and returns the exit code. */
  async end(end: LifeEnd, tookMs: number): Promise<number> {
    await this.#lease.release();
    if (end.kind === "stopped") {
      this.log({ type: "stopped", signal: this.stopRequest.signal, tookMs });
      return 0;
    }
    return this.fail(end.failure);
  }

  fail(failure: Failure): number {
    const exitCode = exitCodeOf(failure);
    this.log({ type: "failed", failure, exitCode });
    return exitCode;
  }

  #onAlive({ role, ready }: Plan, { clusterId, version, node }: Membership): void {
    const where = `cluster ${clusterId.slice(0, 8)} of ${formatAddress(ready.gcs)}`;
    this.#alive.renew(`${node.name} is ALIVE as ${role.toUpperCase()} in ${where} (Ray ${version})`);
  }

  #onReady(plan: Plan, membership: Membership): void {
    const { role, ready } = plan;
    const { clusterId, version, node, tookMs } = membership;
    this.#onAlive(plan, membership);
    if (role === "head") this.#lease.serving(clusterId);
    this.#lastRole = role;
    const { nodeId, resources } = node;
    this.log({ type: "ready", role, address: ready.gcs, version, clusterId, nodeId, resources, tookMs });
  }
}

/** The name that was perhaps meant; null where none is near. */
function nearestName(name: string, names: readonly string[]): string | null {
  const ranked = names
    .map((each) => ({ each, distance: leven(each, name) }))
    .toSorted((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.each : null;
}
