import { findOtherHead } from "../lease/other-head.ts";
import { redactCommand } from "../output/redact.ts";
import { aborted, unlessAborted } from "../stop-request.ts";
import type { Plan } from "./command.ts";
import { clear, drain } from "./drain.ts";
import { Guard } from "./guard/guard.ts";
import { monitor } from "./monitor.ts";
import { comparePython, OwnGcs, untilHeadGone } from "./own-gcs.ts";
import type { StartedRay } from "./ray.ts";
import { waitUntilReady } from "./readiness.ts";
import { failed, faulted, type RunDeps, type RunEnd } from "./run-end.ts";
import { leadershipOf } from "./store/leadership.ts";

/** A HEAD that boots beside this node is slow to answer; one that is gone stays so. */
const GONE_IN_START = { times: 5, timeoutMs: 2000 };
const GONE_IN_DRAIN = { everyMs: 500, times: 3, timeoutMs: 1000 };
const STORE_LOOK_MS = 500;

/** One run of Ray in one role: preflight → start → ready → monitor → end. Nothing of its Ray lives after it. */
export class Run {
  readonly #plan: Plan;
  readonly #deps: RunDeps;
  readonly #gcs: OwnGcs;
  readonly #isHead: boolean;
  readonly #isStrictHead: boolean;
  readonly #ended = Promise.withResolvers<RunEnd>();
  /** Aborts when the node is a member of its cluster. */
  readonly #ready = new AbortController();
  #guard: Guard | null = null;

  constructor(plan: Plan, deps: RunDeps) {
    this.#plan = plan;
    this.#deps = deps;
    this.#gcs = new OwnGcs(plan.ready.gcs, deps.ray.gcs);
    this.#isHead = plan.role === "head";
    this.#isStrictHead = this.#isHead && deps.config.fencing === "strict";
  }

  /** A HEAD keeps its lease until its Ray ends, however that comes about; a WORKER has none to keep. */
  async run(): Promise<RunEnd> {
    const { lease, aliveNote } = this.#deps;
    const over = new AbortController();
    if (this.#isHead) this.#lead(over.signal);
    else lease.follow();
    try {
      return (await this.#preflight()) ?? (await this.#start());
    } finally {
      over.abort();
      lease.ended();
      aliveNote.drop();
      this.#gcs.client.close();
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
    const { heldEpoch } = this.#deps.lease;
    if (this.#isHead && heldEpoch !== null) this.#deps.state.renewed(heldEpoch);
  }

  /** A strict HEAD leads only with a current lease, and an explicit HEAD does not give way to others. */
  #lead(over: AbortSignal): void {
    const { clock, config, lease, probe } = this.#deps;
    const { epochAt } = this.#gcs;
    lease.keep();
    if (this.#isStrictHead || config.explicitHead !== null) return;
    const publish = async (epoch: number) => {
      const published = await this.#gcs.publish(epoch);
      // Its GCS serves seconds before this node is ready, and others may work in its cluster by then.
      if (published !== undefined && !over.aborted) lease.serving(published.clusterId);
      return published;
    };
    const others = { clock, probe, epochAt, publish, epoch: () => lease.heldEpoch ?? 0 };
    void findOtherHead(config, others, over).then((fault) => fault && this.end(faulted(fault)));
  }

  /** Why Ray is not started at all. With strict fencing there is a guard first: two GCSes on one store corrupt it. */
  async #preflight(): Promise<RunEnd | null> {
    const { config, ray, heartbeat, lease, state, stopRequest } = this.#deps;
    const { store } = this.#plan;
    const unusable = store && state.lead(store, leadershipOf(lease, config));
    if (unusable !== null) return failed(unusable);
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
    const { local, log, ray } = this.#deps;
    const { role, start } = this.#plan;
    log({ type: "starting", role, command: redactCommand(start) });
    const started = await ray.start(start);
    if (!started.ok) return failed(started.error);
    this.#ensureGuard().watch(started.value.session);
    // In parallel with Ray's own start, which takes longer.
    if (!this.#isHead)
      void comparePython(this.#gcs, local.ray.python).then((why) => why && this.end(failed(why)));
    try {
      const end = await this.#untilEnd(started.value);
      return end === "stop" ? await this.#drain(started.value) : end;
    } finally {
      await clear(started.value, this.#deps);
    }
  }

  /** From the start of Ray to the first reason to end it. */
  async #untilEnd(ray: StartedRay): Promise<RunEnd | "stop"> {
    const { clock, config, stopRequest } = this.#deps;
    const began = clock.now();
    const over = new AbortController();
    const starting = AbortSignal.any([over.signal, this.#ready.signal]);
    const inStart = { ...GONE_IN_START, everyMs: config.values.RAY_EP_WATCH_INTERVAL };
    try {
      return await Promise.race([
        ray.exited.then(({ code, signal }) => {
          const exit = signal === null ? `exit code ${code}` : `signal ${signal}`;
          if (this.#ready.signal.aborted) return faulted({ kind: "ray-exited", exit });
          return failed({ reason: "ray-exited", exitCode: code, signal, ranMs: clock.now() - began });
        }),
        aborted(stopRequest.asked, over.signal).then(() => "stop" as const),
        // Also a HEAD that is only starting gives way: its GCS serves seconds before the node is ready.
        this.#ended.promise,
        this.#storeFailed(ray, starting),
        this.#headGone(inStart, starting).then((cause) => faulted({ kind: "head-lost-in-start", cause })),
        this.#untilFault(ray, over.signal),
      ]);
    } finally {
      over.abort();
    }
  }

  /** Waits until the node is ready, and then until something is wrong. Never resolves when `over` aborts first. */
  async #untilFault(ray: StartedRay, over: AbortSignal): Promise<RunEnd> {
    const membership = await waitUntilReady(this.#plan.ready, this.#gcs, ray, this.#deps.clock, over);
    if (membership === null || over.aborted) return new Promise(() => {});
    if (!membership.ok) return failed(membership.error);
    this.#ready.abort();
    return monitor({ ...this.#plan, ray, gcs: this.#gcs, membership: membership.value }, this.#deps, over);
  }

  async #drain(ray: StartedRay): Promise<RunEnd> {
    await drain(ray, this.#plan, this.#deps, (over) => [
      // Nobody to drain into: Ray would wait (docs/faults.md 1.4).
      this.#headGone(GONE_IN_DRAIN, over).then(() => "headless" as const),
      // Two HEADs would be seen for as long as this one drains.
      this.#ended.promise.then(() => "superseded" as const),
    ]);
    return { kind: "stopped" };
  }

  /** Resolves when the GCS cannot use its store: Ray itself waits a minute for it, and does not say why (2.60). */
  async #storeFailed(ray: StartedRay, over: AbortSignal): Promise<RunEnd> {
    const { clock } = this.#deps;
    const { store } = this.#plan;
    while (store?.kind === "rocksdb" && (await clock.pause(STORE_LOOK_MS, over))) {
      const saw = ray.storeFault();
      if (saw !== null) return failed({ reason: "store-failed", folder: store.folder, saw });
    }
    return new Promise(() => {});
  }

  /** Resolves when a WORKER lost its HEAD; a HEAD has none to lose. */
  #headGone(settings: Parameters<typeof untilHeadGone>[1], over: AbortSignal): Promise<string> {
    const { clock, memory } = this.#deps;
    if (this.#isHead) return new Promise(() => {});
    const seen = () => {
      memory.absence.seen();
      // It has a HEAD to wait for from now on, also where its own Ray is never ready.
      memory.lastRole = "worker";
    };
    return untilHeadGone(this.#gcs, settings, seen, clock, over);
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
}
