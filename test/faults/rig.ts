import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, onTestFailed, onTestFinished } from "vitest";
import { formatAddress } from "../../src/common/address.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";
import { kill } from "../fixtures/cluster/tagged.ts";
import { TcpProxy } from "../fixtures/cluster/tcp-proxy.ts";
import { TestCluster } from "../fixtures/cluster/test-cluster.ts";
import { until } from "../fixtures/until.ts";

/** For what measures a boot itself, or follows none that was measured. */
export const BOOT_MS = 90_000;
/** Two clusters boot at a time in this suite, on machines that do other things as well. */
const NOISE = 4;
/** The matrix's own B: a boot that was measured in a quiet moment says little of the next one. */
const LEAST_BOOT_MS = 10_000;
export const LEASE_MS = 15_000;
export const RENEW_MS = 2_000;
/** What the scenes set as RAY_EP_TAKEOVER_AFTER. */
export const TAKEOVER_MS = 5_000;
/** Longer than a lease lives. */
export const OVER_MS = LEASE_MS + 2 * RENEW_MS;

export const CPU = "ray-cpu";
export const GPU = "ray-gpu";
export const EXTRA = "extra";
export const ALL = [CPU, GPU, EXTRA];

export interface Scene {
  readonly cluster: TestCluster;
  /** Between each node and the health service. */
  readonly links: Readonly<Record<string, TcpProxy>>;
  /** The nodes of the whole cluster. */
  readonly names: readonly string[];
  /** How long Ray took to boot in this scene, the B of the fault matrix; the slowest one counts. */
  bootMs: number;
}

/** A bound of the fault matrix: so many milliseconds and so many boots, as this scene measured them. */
export const within = ({ bootMs }: Pick<Scene, "bootMs">, ms: number, boots: number): number =>
  ms + boots * NOISE * bootMs;

export interface SceneOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The nodes that are started, the HEAD first. */
  readonly names?: readonly string[];
  readonly candidates?: readonly string[];
  readonly dashboard?: boolean;
  readonly keepsState?: boolean;
  readonly healthEnv?: Readonly<Record<string, string>>;
}

/** An empty scene: two candidates and one other node have a place, the health service runs, no node does. */
export async function emptyScene(options: SceneOptions = {}): Promise<Scene> {
  const { env = {}, healthEnv = {}, names = ALL, candidates = [CPU, GPU], dashboard = false } = options;
  const { keepsState = false } = options;
  const cluster = await TestCluster.make({
    binDir: await realRay(),
    candidates,
    keepsState,
    others: ALL.filter((name) => !candidates.includes(name)),
    env: { RAY_EP_TAKEOVER_AFTER: String(TAKEOVER_MS / 1000), WAIT_FOR_HEAD: "30", ...env },
    // The dashboard costs half of a boot, and nothing here looks at it.
    rayWords: dashboard ? [] : ["--include-dashboard=false"],
  });
  const links: Record<string, TcpProxy> = {};
  for (const name of ALL) links[name] = await TcpProxy.open(cluster.healthAddress);
  await cluster.health({ ...memoryOf(cluster), ...healthEnv });
  return { cluster, links, names, bootMs: BOOT_MS / NOISE };
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
    await fill(scene, scene.names);
    return scene;
  } catch (error) {
    scene.cluster.show();
    await closeScene(scene);
    throw error;
  }
}

async function fill(scene: Scene, [first = CPU, ...rest]: readonly string[]): Promise<void> {
  const boots = [await boot(scene, first)];
  boots.push(...(await Promise.all(rest.map((name) => boot(scene, name)))));
  scene.bootMs = Math.max(LEAST_BOOT_MS, ...boots);
  await scene.cluster.becomes([first, ...rest], 10_000);
}

/** Starts a node and returns how long it took to be ready. */
export async function boot(scene: Scene, name: string): Promise<number> {
  const began = performance.now();
  await startNode(scene, name).says(READY, 2 * BOOT_MS);
  return performance.now() - began;
}

/** What a node says when it is part of its cluster. */
export const READY = /✓ Ray (cluster is ready|worker successfully joined)/;

/**
 * The end of a scene is row 7 for each of its nodes: their supervisors are killed, and nothing of Ray may be left, no
 * port either. What is left all the same is killed here.
 */
export async function closeScene({ cluster, links }: Scene): Promise<void> {
  try {
    for (const { running, pid } of cluster.processes) if (running) kill(pid, "SIGKILL");
    await until(
      () => `nothing to be left; ${cluster.living.map(({ name }) => name)}, ports ${cluster.listening}`,
      () => cluster.living.length === 0 && cluster.listening.length === 0,
      CLEAR_MS,
    );
  } finally {
    await cluster.close();
    for (const link of Object.values(links)) await link.close();
  }
}

/** The guard's second, on a machine that may be busy. */
export const CLEAR_MS = 3_000;

/** Has the scene shown when the running test fails, and closed when it ends. */
export function keep(scene: Scene): Scene {
  onTestFailed(() => scene.cluster.show());
  onTestFinished(() => closeScene(scene));
  return scene;
}

/** One cluster for all tests of a file, each of which leaves it whole. Call it at the top of the file. */
export const sharedScene = (options: SceneOptions = {}): (() => Scene) => shared(() => wholeScene(options));

/** One place for all tests of a file, each of which leaves it without a node. Call it at the top of the file. */
export const sharedEmptyScene = (options: SceneOptions = {}): (() => Scene) =>
  shared(() => emptyScene(options));

function shared(make: () => Promise<Scene>): () => Scene {
  let scene: Scene | undefined;
  const get = (): Scene => {
    if (scene === undefined) throw new Error("the scene is set before the first test");
    return scene;
  };
  beforeAll(async () => {
    scene = await make();
  });
  afterEach(({ task }) => {
    if (task.result?.state === "fail") get().cluster.show();
  });
  afterAll(() => scene && closeScene(scene));
  return get;
}

/** Freezes all of a node, as `docker pause` does, or lets it go on. */
export function freeze({ cluster }: Scene, name: string, signal: "SIGSTOP" | "SIGCONT"): void {
  const supervisor = cluster.process(name).pid;
  for (const pid of [supervisor, ...cluster.ray(name).map((each) => each.pid)]) kill(pid, signal);
}
