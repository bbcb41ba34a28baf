import { afterEnd, type Ended, NEWBORN, type Next } from "./backoff.ts";
import type { Config } from "./config/config.ts";
import type { Deps } from "./deps.ts";
import { Absence } from "./election/absence.ts";
import { type Elector, elect, type Outcome } from "./election/elect.ts";
import type { Role } from "./election/role.ts";
import { Heartbeat } from "./lease/heartbeat.ts";
import { Lease } from "./lease/lease.ts";
import type { Event } from "./output/event.ts";
import { exitCodeOf } from "./output/exit-code.ts";
import { Progress } from "./progress.ts";
import { type PlanInput, planInstall, planRayStart } from "./ray/command.ts";
import { install } from "./ray/preflight/install.ts";
import { Run } from "./ray/run.ts";
import { faulted, type Memory, type RunEnd } from "./ray/run-end.ts";
import type { StopRequest } from "./stop-request.ts";

/** What a node is told at its start. */
export interface NodeInput extends PlanInput {
  /** Names this run of this process, so that the health service can tell a restart from a duplicate. */
  readonly runId: string;
  readonly stopRequest: StopRequest;
  /** A member hears of new candidates while it runs; what it decides next is decided with them. */
  readonly newestConfig?: () => Config;
  /** What it says first: who it is and what it was told. */
  readonly introduction: readonly Event[];
}

type NodeEnd = Exclude<Next, { kind: "again" }>;

/** A node from its first decision to its end: elect → run Ray in that role → back off → again. */
export class Node {
  readonly #input: NodeInput;
  readonly #deps: Deps;
  readonly #lease: Lease;
  readonly #heartbeat: Heartbeat;
  readonly #memory: Memory;
  readonly #progress: Progress;
  #run: Run | null = null;
  /** Aborts when an older living process has this node's name; then `#duplicate` says so. */
  readonly #refused = new AbortController();
  #duplicate: Extract<Outcome, { kind: "failed" }> | null = null;

  constructor(input: NodeInput, given: Deps) {
    const log: Deps["log"] = (event) => {
      given.log(event);
      this.#heartbeat.news();
    };
    const deps = { ...given, log };
    this.#input = input;
    this.#deps = deps;
    this.#lease = new Lease(
      {
        ...input,
        onRenewed: (untilMs) => this.#run?.renewed(untilMs),
        onLost: (fault) => this.#run?.end(faulted(fault)),
      },
      deps,
    );
    const onDuplicate = (message: string) => this.#refuse(message);
    this.#heartbeat = new Heartbeat({ ...input, lease: this.#lease, onDuplicate }, deps);
    this.#progress = new Progress(deps.log, this.#heartbeat);
    const absence = new Absence(deps.clock);
    this.#memory = { lastRole: null, clusterId: null, aliveAtMs: null, rayLives: false, absence };
  }

  get #told(): NodeInput {
    const { newestConfig } = this.#input;
    return newestConfig === undefined ? this.#input : { ...this.#input, config: newestConfig() };
  }

  /** Lives until a stop, or a failure that is the end. Returns the exit code. */
  async live(): Promise<number> {
    const { clock } = this.#deps;
    const began = clock.now();
    this.#introduce();
    const end = await this.#electAndRun();
    return this.#end(end, clock.now() - began);
  }

  async #electAndRun(): Promise<NodeEnd> {
    const { config, stopRequest } = this.#input;
    let history = NEWBORN;
    let outcome = (await this.#install()) ?? (await this.#takeOver()) ?? (await this.#elect());
    for (;;) {
      const ended = outcome.kind === "role" ? await this.#runAs(outcome.role) : outcome;
      const next = afterEnd(ended, history, this.#takeAliveMs(), config.values.RAY_EP_MAX_RESTARTS);
      if (next.kind !== "again") return next;
      history = next.history;
      await this.#announceRestart(ended, next);
      if (!(await this.#deps.clock.pause(next.delayMs, stopRequest.asked))) return { kind: "stopped" };
      outcome = ended.kind === "moved" ? ended.outcome : await this.#electAgain();
    }
  }

  /** Here and to the health service. */
  #introduce(): void {
    const { aliveNote, log } = this.#deps;
    // A note that an earlier run left behind is not true of this one.
    aliveNote.drop();
    for (const each of this.#input.introduction) log(each);
    void this.#heartbeat.keep();
  }

  #install(): ReturnType<typeof install> {
    return install(planInstall(this.#input), this.#deps, this.#input.stopRequest.asked);
  }

  /** Null where nothing of an earlier run's Ray is alive, as far as that can be known. */
  async #takeOver(): Promise<Outcome | null> {
    const { config, runId, stopRequest } = this.#input;
    const taken = await this.#deps.state.takeOver(runId, stopRequest.asked);
    if (!taken.ok) return { kind: "failed", failure: taken.error };
    const { life, epoch } = taken.value;
    // Strict: where guard and supervisor were killed together their Ray may live on, and only the lease's own end is sure.
    if (life !== null && config.fencing !== "strict") this.#lease.succeed(life);
    if (epoch !== null) this.#lease.see(epoch);
    return stopRequest.asked.aborted ? { kind: "stopped" } : null;
  }

  async #elect(): Promise<Outcome> {
    const stop = AbortSignal.any([this.#input.stopRequest.asked, this.#refused.signal]);
    const electing = this.#search(stop, (reason) => this.#progress.step({ kind: "wait", reason }));
    // Beside the probes, whose answers take as long.
    this.#deps.ray.useFolder();
    const outcome = await electing;
    return this.#duplicate ?? outcome;
  }

  #electAgain(): Promise<Outcome> {
    this.#progress.step({ kind: "decide" });
    return this.#elect();
  }

  #search(stop: AbortSignal, onWait: Elector["onWait"]): Promise<Outcome> {
    const { config, local } = this.#told;
    const askLease: Elector["askLease"] = (others) => this.#lease.ask(others, stop);
    const ownRayVersion = local.ray.version;
    return elect({ ...this.#memory, config, ownRayVersion, stop, askLease, onWait }, this.#deps);
  }

  async #runAs(role: Role): Promise<RunEnd> {
    this.#progress.step({ kind: "start", role });
    if (this.#duplicate !== null) return this.#duplicate;
    const told = this.#told;
    this.#run = new Run(planRayStart(told, role), {
      ...this.#deps,
      ...told,
      lease: this.#lease,
      heartbeat: this.#heartbeat,
      memory: this.#memory,
      step: (step) => this.#progress.step(step),
      elect: (stop) => this.#search(stop, () => {}),
    });
    const end = await this.#run.run();
    this.#run = null;
    return end;
  }

  /** For how long the cluster counted this node as living in the last run; 0 where it never did. Then it is told. */
  #takeAliveMs(): number {
    const { aliveAtMs } = this.#memory;
    this.#memory.aliveAtMs = null;
    return aliveAtMs === null ? 0 : this.#deps.clock.now() - aliveAtMs;
  }

  /** Says what happened and what follows, before the pause. */
  async #announceRestart(ended: Ended, next: Extract<Next, { kind: "again" }>): Promise<void> {
    const { log } = this.#deps;
    const { delayMs, history } = next;
    if (ended.kind === "fault") log({ type: "trouble", trouble: ended.fault });
    if (ended.kind === "failed") log({ type: "setback", failure: ended.failure });
    this.#progress.step({ kind: "restart", delayMs, restarts: history.recent + history.followed });
    if (!next.yieldLead || this.#lease.heldEpoch === null) return;
    log({ type: "stepped-aside" });
    await this.#lease.release();
  }

  /** Two living nodes of one name: the younger one ends, the elder one warns. */
  #refuse(message: string): void {
    const { node } = this.#input.config;
    this.#duplicate = { kind: "failed", failure: { reason: "duplicate-name", node, message } };
    this.#refused.abort();
    this.#run?.end(this.#duplicate);
  }

  /** Gives the lease back, which only now may be, says the last words and returns the exit code. */
  async #end(end: NodeEnd, tookMs: number): Promise<number> {
    const { signal } = this.#input.stopRequest;
    const { log } = this.#deps;
    if (end.kind === "stopped" && this.#progress.state !== "draining")
      this.#progress.step({ kind: "stop", signal });
    // A GCS that does not die may still write to its store: then the lease ends by its time alone.
    if (this.#memory.rayLives) this.#lease.stop();
    // However this run ended: the next one may bring the same cluster back.
    else await this.#lease.release(this.#deps.state.holdsCluster());
    this.#progress.step({ kind: "over" });
    this.#heartbeat.end();
    const exitCode = end.kind === "stopped" ? 0 : exitCodeOf(end.failure);
    if (end.kind === "stopped") log({ type: "stopped", signal, tookMs });
    else log({ type: "failed", failure: end.failure, exitCode });
    await this.#heartbeat.last();
    return exitCode;
  }
}
