import type { Address } from "../../src/common/address.ts";
import { Search } from "../../src/entrypoint/search.ts";
import type { RunEnd } from "../../src/entrypoint/supervise.ts";
import { judge, type Look, NO_SIGNS, type Trouble } from "../../src/entrypoint/watch.ts";
import { Actor } from "./actor.ts";
import type { Clock } from "./clock.ts";
import type { Node } from "./node.ts";
import { sight } from "./place.ts";

/** How long `ray start` and the entrypoint wait for a node to be ALIVE, and Ray for a HEAD that is gone (docs/faults.md 2.7). */
const READY_TIMEOUT_MS = 120_000;
const RAY_GIVES_UP_MS = 60_000;
const LOOK_TIMEOUT_MS = 2000;

/** Looks without an answer after which a WORKER that starts gives its HEAD up, as in src/entrypoint/supervise.ts. */
const GONE_AFTER_LOOKS = 5;

const trouble = (value: Trouble): RunEnd => ({ kind: "trouble", trouble: value });

/** A `ray start` that ends with an error after a while. */
export async function failToStart({ actor, scene, stop }: Node, deposed: Promise<RunEnd>): Promise<RunEnd> {
  scene.note("failed starts of Ray");
  const ranMs = scene.prng.between(1000, 12_000);
  const failed = actor
    .sleep(ranMs)
    .then(
      (): RunEnd => ({ kind: "failed", failure: { reason: "ray-exited", exitCode: 1, signal: null, ranMs } }),
    );
  return Promise.race([failed, deposed, stopped(stop)]);
}

/** The processes of one `ray start`. */
export class RaySession {
  readonly actor: Actor;
  /** Resolves when the supervisor learns that they were killed. */
  readonly exited: Promise<RunEnd>;
  #exit: () => void = () => {};

  constructor(clock: Clock, supervisor: Actor) {
    this.actor = new Actor(clock);
    this.exited = new Promise((resolve) => {
      this.#exit = () => supervisor.do(() => resolve(RAY_EXITED));
    });
  }

  end(): void {
    this.actor.kill();
    this.#exit();
  }
}

const RAY_EXITED = trouble({ kind: "ray-exited", exit: "exit code 1" });

/** Ray as a HEAD: a GCS after a while, the node ready after another, then until it dies or must give way. */
export async function runHead(node: Node, deposed: Promise<RunEnd>, byLease: boolean): Promise<RunEnd> {
  const { actor, place, scene } = node;
  const { prng, pace, clock } = scene;
  const ray = new RaySession(clock, actor);
  place.ray = ray;
  node.rayBegins();
  const over = Promise.race([deposed, stopped(node.stop), ray.exited]);
  const booted = boot(node, ray, byLease);
  const first = await Promise.race([booted, over]);
  if (typeof first !== "string") return first;
  const joining = actor.sleep(prng.between(...pace.raylet)).then(() => "ready" as const);
  const second = await Promise.race([joining, over]);
  if (second !== "ready") return second;
  node.ready("head", first);
  return Promise.race([over, untilGcsDies(node, first)]);
}

/** Resolves with the id of the new cluster when its GCS serves. */
function boot(
  { actor, place, scene, life, beganAtMs }: Node,
  ray: RaySession,
  byLease: boolean,
): Promise<string> {
  const { prng, pace, checker, clock, log } = scene;
  const decidedAtMs = clock.nowMs;
  return new Promise((resolve) => {
    ray.actor.after(prng.between(...pace.gcs), () => {
      const clusterId = `c${Math.floor(clock.nowMs)}-${life}`;
      place.gcs = { clusterId, epoch: 0 };
      log(`${life} serves ${clusterId}`);
      checker.served(place, { beganAtMs, decidedAtMs, byLease });
      actor.do(() => resolve(clusterId));
    });
  });
}

async function untilGcsDies({ actor, place }: Node, clusterId: string): Promise<RunEnd> {
  while (place.gcs?.clusterId === clusterId) await actor.sleep(1000);
  return RAY_EXITED;
}

/** Ray as a WORKER: it joins a GCS that answers, and is watched by the real rules until they find something. */
export async function runWorker(node: Node, deposed: Promise<RunEnd>, head: Address): Promise<RunEnd> {
  const over = new AbortController();
  void stopped(node.stop).then(() => over.abort());
  try {
    return await Promise.race([join(node, head, over.signal), deposed, stopped(node.stop)]);
  } finally {
    over.abort();
  }
}

/** Its HEAD is looked after each second while the raylet starts, as in src/entrypoint/head-gone.ts. */
async function join(node: Node, head: Address, over: AbortSignal): Promise<RunEnd> {
  const { actor, scene } = node;
  const deadlineMs = actor.nowMs + READY_TIMEOUT_MS;
  const lost = (cause: string) => trouble({ kind: "head-lost-in-start", cause });
  let joined: { clusterId: string; aliveAtMs: number } | undefined;
  let silent = 0;
  while (actor.nowMs <= deadlineMs) {
    const clusterId = await ask(node, head);
    if (over.aborted) return { kind: "stopped" };
    silent = clusterId === null ? silent + 1 : 0;
    if (silent >= GONE_AFTER_LOOKS) return lost("timeout");
    if (clusterId !== null) {
      joined ??= { clusterId, aliveAtMs: actor.nowMs + scene.prng.between(...scene.pace.raylet) };
      if (joined.clusterId !== clusterId) return lost("it restarted");
      if (actor.nowMs >= joined.aliveAtMs) return work(node, head, clusterId, over);
    }
    await actor.sleep(1000);
  }
  const exit = { exitCode: 1, signal: null, ranMs: READY_TIMEOUT_MS };
  return { kind: "failed", failure: { reason: "ray-exited", ...exit } };
}

function work(node: Node, head: Address, clusterId: string, over: AbortSignal): Promise<RunEnd> {
  node.ready("worker", clusterId);
  return watch(node, head, clusterId, over);
}

async function watch(node: Node, head: Address, clusterId: string, over: AbortSignal): Promise<RunEnd> {
  const search = new Search((signal) => node.settle(signal), { clusterId });
  over.addEventListener("abort", () => search.follow(false), { once: true });
  let signs = NO_SIGNS;
  try {
    for (;;) {
      await node.actor.sleep(1000);
      const found = await ask(node, head);
      if (over.aborted) return { kind: "stopped" };
      const step = judge(signs, lookOf(found), { role: "worker" }, clusterId);
      signs = step.signs;
      if (step.verdict.kind === "trouble") return trouble(step.verdict.trouble);
      search.follow(step.verdict.kind === "head-out-of-reach");
      if (search.found !== null) return { kind: "moved", settled: search.found };
      if (node.absence.sinceMs(0) > RAY_GIVES_UP_MS)
        return trouble({ kind: "ray-exited", exit: "exit code 1" });
    }
  } finally {
    search.follow(false);
  }
}

/** Nothing but the node itself keeps what waits for it: listeners on a longer life would slow the next histories down. */
export const stopped = (stop: AbortSignal): Promise<RunEnd> =>
  new Promise((resolve) => {
    const end = () => resolve({ kind: "stopped" });
    if (stop.aborted) end();
    else stop.addEventListener("abort", end, { once: true });
  });

const lookOf = (clusterId: string | null): Look => ({
  gcs: clusterId === null ? { kind: "silent", cause: "timeout" } : { kind: "serves", clusterId, alive: true },
  agent: "well",
  raylet: "running",
});

async function ask({ scene, place, actor, absence }: Node, head: Address): Promise<string | null> {
  const result = await sight(scene, place, actor, head, LOOK_TIMEOUT_MS);
  if (result.kind !== "ray-gcs") return null;
  absence.seen();
  return result.clusterId;
}
