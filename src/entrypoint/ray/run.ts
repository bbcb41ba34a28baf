import { formatAddress } from "../../common/address.ts";
import { findOtherHead } from "../lease/other-head.ts";
import { redactCommand } from "../output/redact.ts";
import { aborted, unlessAborted } from "../stop-request.ts";
import { besideOthers } from "./beside-others.ts";
import type { Plan } from "./command.ts";
import { Guard } from "./guard/guard.ts";
import { type HeadGoneSettings, untilHeadGone } from "./head-gone.ts";
import { comparePython } from "./head-python.ts";
import { monitor } from "./monitor.ts";
import { OwnGcs } from "./own-gcs.ts";
import type { RayProcess } from "./ray.ts";
import { type Membership, waitUntilReady } from "./readiness.ts";
import type { RunDeps } from "./run-deps.ts";
import { clearAll, drain, exitEnd, failed, faulted, type RunEnd } from "./run-end.ts";

/** A HEAD that boots beside this node is slow to answer; one that is gone stays so. */
const GONE_IN_START = { times: 5, timeoutMs: 2000 };
const GONE_IN_DRAIN = { everyMs: 500, times: 3, timeoutMs: 1000 };

/** One run of Ray in one role: preflight → start → ready → monitor → end. Nothing of its Ray lives after it. */
export class Run {
  readonly #plan: Plan;
  readonly #deps: RunDeps;
  readonly #gcs: OwnGcs;
  readonly #ended = Promise.withResolvers<RunEnd>();
  #guard: Guard | null = null;
  #watching = false;

  constructor(plan: Plan, deps: RunDeps) {
    this.#plan = plan;
    this.#deps = deps;
    this.#gcs = new OwnGcs(plan.ready.gcs, deps.ray.gcs);
  }

  /** A HEAD keeps its lease until its Ray ends, however that comes about; a WORKER has none to keep. */
  async run(): Promise<RunEnd> {
    const { lease, aliveNote } = this.#deps;
    const over = new AbortController();
    if (this.#plan.role === "head") this.#lead(over.signal);
    else lease.follow();
    try {
      return (await this.#preflight()) ?? (await this.#start());
    } finally {
      over.abort();
      lease.ended();
      aliveNote.drop();
      this.#gcs.close();
      await this.#guard?.dismiss();
    }
  }

  /** Ends this run: the node may not go on in its role, whatever its Ray does. */
  end(end: RunEnd): void {
    this.#ended.resolve(end);
  }

  /** The lease was renewed: this HEAD may go on until then, in milliseconds since boot, without another renewal. */
  renewed(untilMs: number): void {
    if (this.#isStrictHead) this.#guard?.renewed(untilMs);
  }

  get #isStrictHead(): boolean {
    return this.#plan.role === "head" && this.#deps.config.fencing === "strict";
  }

  /** Why Ray is not started at all. With strict fencing there is a guard first: two GCSes on one store corrupt it. */
  async #preflight(): Promise<RunEnd | null> {
    const { ray, heartbeat, stopRequest } = this.#deps;
    const stands = this.#isStrictHead ? this.#ensureGuard().stands : null;
    const prepared = ray.prepare(this.#plan, heartbeat.reported).then(async (failure) => {
      if (failure !== null) return failed(failure);
      const cause = await stands;
      return cause === null ? null : failed({ reason: "no-guard", cause });
    });
    const end = await unlessAborted(Promise.race([prepared, this.#ended.promise]), stopRequest.asked);
    return stopRequest.asked.aborted ? { kind: "stopped" } : end;
  }

  async #start(): Promise<RunEnd> {
    const { role, start } = this.#plan;
    this.#deps.log({ type: "starting", role, command: redactCommand(start) });
    const ray = await this.#deps.ray.start(start);
    if (!ray.ok) return failed(ray.error);
    this.#ensureGuard().watch(ray.value.session);
    void this.#comparePython();
    try {
      const end = await this.#untilEnd(ray.value);
      return end === "stop" ? await this.#drain(ray.value) : end;
    } finally {
      await clearAll(ray.value, this.#deps);
    }
  }

  /** From the start of Ray to the first reason to end it. */
  async #untilEnd(ray: RayProcess): Promise<RunEnd | "stop"> {
    const { clock, stopRequest } = this.#deps;
    const began = clock.now();
    const over = new AbortController();
    const stop = aborted(stopRequest.asked, over.signal).then(() => "stop" as const);
    const exited = ray.exited.then((exit) => ({ exit }));
    try {
      const either = AbortSignal.any([over.signal, stopRequest.asked]);
      const ready = waitUntilReady(this.#plan.ready, this.#gcs, ray, clock, either);
      const first = await Promise.race([
        exited,
        stop,
        this.#ended.promise,
        this.#headlessInStart(either),
        ready,
      ]);
      // Also a HEAD that is only starting gives way: its GCS serves seconds before the node is ready.
      if (first === null || first === "stop") return "stop";
      if ("exit" in first) return exitEnd(first.exit, clock.now() - began);
      if ("kind" in first) return first;
      if (!first.ok) return failed(first.error);
      this.#onReady(first.value);
      const watched = this.#monitor(ray, first.value, over.signal);
      const last = await Promise.race([exited, stop, watched, this.#ended.promise]);
      return last !== "stop" && "exit" in last ? exitEnd(last.exit, undefined) : last;
    } finally {
      over.abort();
    }
  }

  #monitor(ray: RayProcess, membership: Membership, over: AbortSignal): Promise<RunEnd> {
    const { role } = this.#plan;
    const hooks = { onHeadSeen: this.#onHeadSeen, onAlive: () => this.#onAlive(membership) };
    return monitor({ role, ray, gcs: this.#gcs, membership, ...hooks }, this.#deps, over);
  }

  #drain(ray: RayProcess): Promise<RunEnd> {
    const { stopRequest, step } = this.#deps;
    step({ kind: "stop", signal: stopRequest.signal });
    const headGone = (over: AbortSignal) => this.#headGone(GONE_IN_DRAIN, over);
    const ended = this.#ended.promise;
    return drain({ ray, stop: this.#plan.stop, stopRequest, ended, headGone }, this.#deps);
  }

  /** A strict HEAD leads only with a current lease, and an explicit HEAD does not give way to others. */
  #lead(over: AbortSignal): void {
    const { config, lease } = this.#deps;
    lease.keep();
    if (this.#isStrictHead || config.explicitHead !== null) return;
    const others = besideOthers(this.#gcs, this.#deps);
    void findOtherHead(config, others, over).then((fault) => fault && this.end(faulted(fault)));
  }

  /** In parallel with Ray's own start, which takes longer. */
  async #comparePython(): Promise<void> {
    if (this.#plan.role === "head") return;
    const failure = await comparePython(this.#gcs, this.#gcs.address, this.#deps.python);
    if (failure !== null) this.end(failed(failure));
  }

  #ensureGuard(): Guard {
    const { clock, lease, log, ray } = this.#deps;
    this.#guard ??= new Guard({
      clock,
      start: ray.startGuard,
      // A lenient HEAD has no deadline, and the guard acts only when this process ends.
      untilMs: () => (this.#isStrictHead ? lease.untilMs : null),
      onChange: (cause) => log({ type: "guard", cause }),
      onGone: (cause) => this.#isStrictHead && this.end(faulted({ kind: "guard-lost", cause })),
    });
    return this.#guard;
  }

  async #headlessInStart(over: AbortSignal): Promise<RunEnd> {
    const everyMs = this.#deps.config.values.RAY_EP_WATCH_INTERVAL;
    const cause = await this.#headGone({ ...GONE_IN_START, everyMs }, over);
    return faulted({ kind: "head-lost-in-start", cause });
  }

  /** Resolves when a WORKER lost its HEAD; a HEAD has none to lose. */
  #headGone(settings: Omit<HeadGoneSettings, "onSeen">, over: AbortSignal): Promise<string> {
    if (this.#plan.role === "head") return new Promise(() => {});
    return untilHeadGone(this.#gcs, { ...settings, onSeen: this.#onHeadSeen }, this.#deps.clock, over);
  }

  readonly #onHeadSeen = (): void => {
    const { absence } = this.#deps.memory;
    if (this.#plan.role === "worker") absence.seen();
    else absence.forget();
  };

  #onReady(membership: Membership): void {
    const { clock, lease, log, memory, step } = this.#deps;
    const { role } = this.#plan;
    const { clusterId, version, node, tookMs } = membership;
    if (role === "head") lease.serving(clusterId);
    if (role === "head" && memory.clusterId !== null)
      log({ type: "state-of-cluster", from: memory.clusterId, to: clusterId });
    Object.assign(memory, { lastRole: role, clusterId, aliveAtMs: clock.now() });
    this.#onHeadSeen();
    const { nodeId, resources } = node;
    log({ type: "ready", role, address: this.#gcs.address, version, clusterId, nodeId, resources, tookMs });
    step({ kind: "alive", nodeId });
    this.#onAlive(membership);
  }

  #onAlive({ clusterId, version, node }: Membership): void {
    const { aliveNote, config, step } = this.#deps;
    if (!this.#watching) step({ kind: "watch", everyMs: config.values.RAY_EP_WATCH_INTERVAL });
    this.#watching = true;
    const where = `cluster ${clusterId.slice(0, 8)} of ${formatAddress(this.#gcs.address)}`;
    aliveNote.renew(`${node.name} is ALIVE as ${this.#plan.role.toUpperCase()} in ${where} (Ray ${version})`);
  }
}
