import type { Address } from "../../src/common/address.ts";
import { ok } from "../../src/common/result.ts";
import type { Command } from "../../src/entrypoint/ray/command.ts";
import type { Exit, Ray, StartedRay } from "../../src/entrypoint/ray/ray.ts";
import { Actor } from "./actor.ts";
import type { Entrypoint } from "./entrypoint.ts";
import { askGcs, gcsClient, OWN_HOST } from "./gcs.ts";
import { GuardProcess } from "./guard-process.ts";
import type { Place } from "./place.ts";

/** How long a raylet goes on without its GCS (docs/faults.md 2.7). */
const RAYLET_GIVES_UP_MS = 60_000;
const JOIN_TIMEOUT_MS = 2000;
const JOIN_EVERY_MS = 1000;

/** Ray on one host, with models of its processes. */
export class ModelRay implements Ray {
  readonly #entrypoint: Entrypoint;

  constructor(entrypoint: Entrypoint) {
    this.#entrypoint = entrypoint;
  }

  readonly useFolder = (): void => {};

  readonly prepare: Ray["prepare"] = async () => null;

  readonly start: Ray["start"] = async ({ args }: Command) => {
    const { scene, place } = this.#entrypoint;
    const session = new Session(this.#entrypoint);
    place.ray = session;
    const head = args.find((each) => each.startsWith("--address="));
    if (head === undefined) scene.checker.began(place);
    if (place.rayBroken) session.fail();
    else if (head === undefined) session.boot();
    else void session.join({ host: head.slice("--address=".length, head.lastIndexOf(":")), port: 6379 });
    return ok(session);
  };

  readonly gcs: Ray["gcs"] = (address) => gcsClient(this.#entrypoint, address);

  readonly startGuard = (): GuardProcess => {
    const { scene, place, actor } = this.#entrypoint;
    return new GuardProcess(scene, place, actor);
  };
}

/** The processes of one `ray start`, which go on while their supervisor is paused. */
export class Session implements StartedRay {
  readonly session = 1;
  readonly actor: Actor;
  readonly exited: Promise<Exit>;
  #gcs: Address | undefined;
  #nodeId: string | undefined;
  readonly #entrypoint: Entrypoint;
  #exit: (exit: Exit) => void = () => {};
  #gcsSeenAtMs = 0;

  constructor(entrypoint: Entrypoint) {
    const { scene, actor } = entrypoint;
    this.#entrypoint = entrypoint;
    this.actor = new Actor(scene.clock);
    // Its supervisor, which is told only while it runs.
    this.exited = new Promise((resolve) => {
      this.#exit = (exit) => actor.do(() => resolve(exit));
    });
  }

  readonly names: StartedRay["names"] = () => {
    const nodeId = this.#nodeId;
    return { gcs: this.#gcs, raylet: nodeId === undefined ? undefined : { nodeId, endedAlone: () => false } };
  };

  readonly storeFault = (): null => null;
  readonly rayletFault = (): null => null;

  readonly inspector: StartedRay["inspector"] = () => async () => ({ agent: "well", raylet: "running" });

  /** It ends with an error after a while. */
  fail(): void {
    const { scene } = this.#entrypoint;
    scene.note("failed starts of Ray");
    this.#exitAfter(scene.prng.between(1000, 12_000), 1);
  }

  /** As a HEAD: a GCS after a while, and the node ALIVE in it after another. */
  boot(): void {
    const { scene, place, runId, state, beganAtMs, byLease } = this.#entrypoint;
    const { prng, pace, clock, log, checker } = scene;
    const decidedAtMs = clock.nowMs;
    this.actor.after(prng.between(...pace.gcs), () => {
      place.gcs = state.open({ clusterId: `c${Math.floor(clock.nowMs)}-${runId}`, epoch: 0 });
      const { clusterId } = place.gcs;
      log(`${runId} serves ${clusterId}`);
      checker.served(place, { beganAtMs, decidedAtMs, byLease });
      this.#gcs = { host: OWN_HOST, port: 6379 };
      this.#register(clusterId);
    });
  }

  /** As a WORKER: it waits for the GCS and registers with it. */
  async join(head: Address): Promise<void> {
    for (;;) {
      const gcs = await askGcs(this.#entrypoint, this.actor, head, JOIN_TIMEOUT_MS);
      if (gcs.kind === "answer") {
        this.#gcs = head;
        return this.#register(gcs.value.clusterId);
      }
      await this.actor.sleep(JOIN_EVERY_MS);
    }
  }

  #register(clusterId: string): void {
    const { scene, place, runId } = this.#entrypoint;
    this.actor.after(scene.prng.between(...scene.pace.raylet), () => {
      place.member = clusterId;
      this.#gcsSeenAtMs = this.actor.nowMs;
      this.#nodeId = runId;
    });
  }

  /** Whether its GCS answers: what its host hears of it, its raylet hears too. */
  hearGcs(answers: boolean): void {
    const { nowMs } = this.actor;
    if (answers || this.#entrypoint.place.member === null) this.#gcsSeenAtMs = nowMs;
    else if (nowMs - this.#gcsSeenAtMs > RAYLET_GIVES_UP_MS) this.#exitAfter(0, 1);
  }

  /** Its GCS is dead. */
  loseGcs(): void {
    this.#exitAfter(this.#entrypoint.scene.prng.between(1, 1000), 1);
  }

  terminate(): void {
    this.#exitAfter(this.#entrypoint.scene.prng.between(200, 5000), 0);
  }

  #exitAfter(ms: number, code: number): void {
    this.actor.after(ms, () => this.end(code));
  }

  /** All of its processes are gone. */
  end(code: number): void {
    leave(this.#entrypoint.place, this);
    this.actor.kill();
    this.#exit({ code, signal: null });
  }

  readonly clear: StartedRay["clear"] = async () => {
    const lives = this.#entrypoint.place.ray === this;
    if (lives) this.end(1);
    return { killed: lives ? 1 : 0, clear: true };
  };
}

function leave(place: Place, session: Session): void {
  if (place.ray === session) Object.assign(place, { ray: null, gcs: null, member: null });
}
