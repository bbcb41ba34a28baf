import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { formatAddress } from "../../src/common/address.ts";
import { Observer } from "../fixtures/cluster/observer.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";
import { kill } from "../fixtures/cluster/tagged.ts";
import { TcpProxy } from "../fixtures/cluster/tcp-proxy.ts";
import { TestCluster } from "../fixtures/cluster/test-cluster.ts";

/** Ray's boot on this machine, generously: the bounds of the fault matrix count in it, and machines are noisy. */
export const BOOT_MS = 90_000;
export const LEASE_MS = 15_000;
export const RENEW_MS = 2_000;

export const CPU = "ray-cpu";
export const GPU = "ray-gpu";
export const EXTRA = "extra";
export const ALL = [CPU, GPU, EXTRA];

export interface Scene {
  readonly cluster: TestCluster;
  /** Between each node and the health service. */
  readonly links: Readonly<Record<string, TcpProxy>>;
}

export interface SceneOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly names?: readonly string[];
  readonly healthEnv?: Readonly<Record<string, string>>;
}

/** An empty scene: two candidates and one other node have a place, the health service runs, no node does. */
export async function emptyScene({ env = {}, healthEnv = {} }: SceneOptions = {}): Promise<Scene> {
  const cluster = await TestCluster.make({
    binDir: await realRay(),
    candidates: [CPU, GPU],
    others: [EXTRA],
    env: { RAY_EP_TAKEOVER_AFTER: "5", WAIT_FOR_HEAD: "30", ...env },
    // The dashboard costs half of a boot, and nothing here looks at it.
    rayWords: ["--include-dashboard=false"],
  });
  const links: Record<string, TcpProxy> = {};
  for (const name of ALL) links[name] = await TcpProxy.open(cluster.healthAddress);
  await cluster.health({ ...memoryOf(cluster), ...healthEnv });
  return { cluster, links };
}

/** What makes a health service remember its epoch over a restart. */
export function memoryOf({ folder }: TestCluster): Record<string, string> {
  const state = join(folder, "health-state");
  mkdirSync(state, { recursive: true });
  return { RAY_EP_HEALTH_STATE_DIR: state };
}

/** Starts a node whose way to the health service is its link. */
export function startNode(
  { cluster, links }: Scene,
  name: string,
  env: Readonly<Record<string, string>> = {},
) {
  const link = links[name];
  const HEALTH_URL = link === undefined ? cluster.healthUrl : `http://${formatAddress(link.address)}`;
  return cluster.node(name, { HEALTH_URL, ...env });
}

/** The cluster of the rows: ray-cpu leads, the others work. */
export async function wholeScene(options: SceneOptions = {}): Promise<Scene> {
  const scene = await emptyScene(options);
  try {
    await fill(scene, options.names ?? ALL);
    return scene;
  } catch (error) {
    scene.cluster.show();
    await closeScene(scene);
    throw error;
  }
}

async function fill(scene: Scene, [first = CPU, ...rest]: readonly string[]): Promise<void> {
  await startNode(scene, first).says("✓ Ray cluster is ready!", BOOT_MS);
  const workers = rest.map((name) => startNode(scene, name));
  for (const worker of workers) await worker.says("✓ Ray worker successfully joined", 2 * BOOT_MS);
  await scene.cluster.becomes([first, ...rest], 2 * BOOT_MS);
}

export async function closeScene({ cluster, links }: Scene): Promise<void> {
  await cluster.close();
  for (const link of Object.values(links)) await link.close();
}

/** One cluster for all tests of a file, each of which leaves it whole. Call it at the top of the file. */
export function sharedScene(options: SceneOptions = {}): () => Scene {
  let scene: Scene | undefined;
  const get = (): Scene => {
    if (scene === undefined) throw new Error("the scene is set before the first test");
    return scene;
  };
  beforeAll(async () => {
    scene = await wholeScene(options);
  });
  afterEach(({ task }) => {
    if (task.result?.state === "fail") get().cluster.show();
  });
  afterAll(() => scene && closeScene(scene));
  return get;
}

/** What must not change where nothing is to happen. */
export interface Picture {
  readonly head: string;
  readonly epoch: number;
  readonly clusterId: string;
  readonly nodeIds: readonly string[];
}

export async function picture({ cluster }: Scene, names: readonly string[] = ALL): Promise<Picture> {
  const head = await cluster.becomes(names, 2 * BOOT_MS);
  const clusterId = await cluster.gcs(head).clusterId(2000);
  const { epoch } = await cluster.view();
  const nodeIds = (await cluster.alive(head)).map(({ nodeId }) => nodeId).toSorted();
  return { head, epoch, clusterId: clusterId.ok ? clusterId.value : "", nodeIds };
}

/** Runs a scenario under observation: no moment may show two HEADs. Returns the observer for more questions. */
export async function observed(scene: Scene, work: () => Promise<unknown>): Promise<Observer> {
  const observer = new Observer(scene.cluster);
  try {
    await work();
  } finally {
    expect(await observer.rivals(), "moments with two HEADs").toEqual([]);
  }
  return observer;
}

/** Freezes all of a node, as `docker pause` does, or lets it go on. */
export function freeze({ cluster }: Scene, name: string, signal: "SIGSTOP" | "SIGCONT"): void {
  const supervisor = cluster.process(name).pid;
  for (const pid of [supervisor, ...cluster.ray(name).map((each) => each.pid)]) kill(pid, signal);
}

/** Lets time pass: only for a fault that is defined by how long it lasts. */
export const lasting = (ms: number): Promise<void> => delay(ms);

/** How long a step took, in seconds, for the log of the run. */
export async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  console.log(`${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return result;
}
