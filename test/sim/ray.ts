import type { Address } from "../../src/common/address.ts";
import { Search } from "../../src/entrypoint/search.ts";
import type { RunEnd } from "../../src/entrypoint/supervise.ts";
import { judge, type Look, NO_SIGNS, type Trouble } from "../../src/entrypoint/watch.ts";
import type { Node } from "./node.ts";
import { sight } from "./place.ts";

/** How long `ray start` and the entrypoint wait for a node to be ALIVE, and Ray for a HEAD that is gone (FAULTS 2). */
const READY_TIMEOUT_MS = 120_000;
const RAY_GIVES_UP_MS = 60_000;
const LOOK_TIMEOUT_MS = 2000;

/** Ray as a HEAD: a GCS after a while, the node ready after another, then until it dies or must give way. */
export async function runHead(node: Node, deposed: Promise<Trouble>, byLease: boolean): Promise<RunEnd> {
  const { actor, place, scene } = node;
  const { prng, pace, checker, clock, log } = scene;
  const over = deposed.then((trouble): RunEnd => ({ kind: "trouble", trouble }));
  const decidedAtMs = clock.nowMs;
  place.signAtMs = decidedAtMs;
  const starting = actor.sleep(prng.between(...pace.gcs)).then(() => "served" as const);
  const first = await Promise.race([starting, over]);
  if (first !== "served") return first;
  const clusterId = `c${Math.floor(clock.nowMs)}-${node.life}`;
  place.gcs = { clusterId };
  log(`${node.life} serves ${clusterId}`);
  checker.served(place, { decidedAtMs, byLease });
  const joining = actor.sleep(prng.between(...pace.raylet)).then(() => "ready" as const);
  const second = await Promise.race([joining, over]);
  if (second !== "ready") return second;
  node.ready("head", clusterId);
  return Promise.race([over, untilGcsDies(node, clusterId)]);
}

async function untilGcsDies({ actor, place }: Node, clusterId: string): Promise<RunEnd> {
  while (place.gcs?.clusterId === clusterId) await actor.sleep(1000);
  return { kind: "trouble", trouble: { kind: "ray-exited", exit: "exit code 1" } };
}

/** Ray as a WORKER: it joins a GCS that answers, and is watched by the real rules until they find something. */
export async function runWorker(node: Node, head: Address): Promise<RunEnd> {
  const { actor, scene } = node;
  const deadlineMs = scene.clock.nowMs + READY_TIMEOUT_MS;
  for (;;) {
    const clusterId = await ask(node, head);
    await actor.sleep(clusterId === null ? 1000 : scene.prng.between(...scene.pace.raylet));
    if (clusterId !== null && (await ask(node, head)) === clusterId) {
      node.ready("worker", clusterId);
      return watch(node, head, clusterId);
    }
    if (scene.clock.nowMs > deadlineMs) {
      const exit = { exitCode: 1, signal: null, ranMs: READY_TIMEOUT_MS };
      return { kind: "failed", failure: { reason: "ray-exited", ...exit } };
    }
  }
}

async function watch(node: Node, head: Address, clusterId: string): Promise<RunEnd> {
  const search = new Search((signal) => node.settle(signal), { clusterId });
  let signs = NO_SIGNS;
  try {
    for (;;) {
      await node.actor.sleep(1000);
      const found = await ask(node, head);
      if (found !== null) node.headSeenAtMs = node.scene.clock.nowMs;
      const step = judge(signs, lookOf(found), { role: "worker" }, clusterId);
      signs = step.signs;
      if (step.verdict.kind === "trouble") return { kind: "trouble", trouble: step.verdict.trouble };
      search.follow(step.verdict.kind === "head-out-of-reach");
      if (search.found !== null) return { kind: "moved", settled: search.found };
      if (node.scene.clock.nowMs - (node.headSeenAtMs ?? 0) > RAY_GIVES_UP_MS)
        return { kind: "trouble", trouble: { kind: "ray-exited", exit: "exit code 1" } };
    }
  } finally {
    search.follow(false);
  }
}

const lookOf = (clusterId: string | null): Look => ({
  gcs: clusterId === null ? { kind: "silent", cause: "timeout" } : { kind: "serves", clusterId, alive: true },
  agent: "well",
  raylet: "running",
});

async function ask({ scene, place, actor }: Node, head: Address): Promise<string | null> {
  const sighting = await sight(scene, place, actor, head, LOOK_TIMEOUT_MS);
  return sighting.kind === "ray-gcs" ? sighting.clusterId : null;
}
