import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { formatAddress } from "../../src/common/address.ts";
import { Observer, type Reign } from "../fixtures/cluster/observer.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";
import type { Supervised } from "../fixtures/cluster/supervised.ts";
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
  readonly healthEnv?: Readonly<Record<string, string>>;
}

/** An empty scene: two candidates and one other node have a place, the health service runs, no node does. */
export async function emptyScene(options: SceneOptions = {}): Promise<Scene> {
  const { env = {}, healthEnv = {}, names = ALL, candidates = [CPU, GPU], dashboard = false } = options;
  const cluster = await TestCluster.make({
    binDir: await realRay(),
    candidates,
    others: ALL.filter((name) => !candidates.includes(name)),
    env: { RAY_EP_TAKEOVER_AFTER: "5", WAIT_FOR_HEAD: "30", ...env },
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
async function boot(scene: Scene, name: string): Promise<number> {
  const began = performance.now();
  await startNode(scene, name).says(READY, BOOT_MS);
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
    for (const { end, pid } of cluster.processes) if (end === null) kill(pid, "SIGKILL");
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

/** Waits until nothing of these nodes' Ray lives, also of sessions whose leader is dead. */
export const noRay = ({ cluster }: Scene, names: readonly string[], timeoutMs: number): Promise<boolean> =>
  until(
    () =>
      `nothing of Ray to live on ${names}; ${names.flatMap((name) => cluster.ray(name)).map((x) => x.name)}`,
    () => names.every((name) => cluster.ray(name).length === 0) || null,
    timeoutMs,
  );

/** Has a fresh driver run a task with a known result on each of these nodes. */
export async function worksRight({ cluster, names }: Scene): Promise<void> {
  const head = await cluster.becomes(names);
  const nodes = await cluster.alive(head);
  const driver = cluster.driver(head, ["each", ...nodes.map(({ nodeId }) => nodeId)]);
  expect(await resultOf(driver)).toEqual({ done: names.length, wrong: [] });
}

/** What driver.py found, at its end; Ray writes its own words around it. */
export async function resultOf(driver: Supervised): Promise<{ done: number; wrong: unknown[] }> {
  await driver.ends(BOOT_MS);
  const [line] = /^\{"done".*\}$/m.exec(driver.text) ?? [];
  if (line === undefined) throw new Error(`the driver found nothing:\n${driver.text.slice(-3000)}`);
  return JSON.parse(line);
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

export async function picture(scene: Scene, names: readonly string[] = scene.names): Promise<Picture> {
  const { cluster } = scene;
  const head = await cluster.becomes(names, within(scene, 0, 2));
  const clusterId = await cluster.gcs(head).clusterId(2000);
  const { epoch } = await cluster.view();
  const nodeIds = (await cluster.alive(head)).map(({ nodeId }) => nodeId).toSorted();
  return { head, epoch, clusterId: clusterId.ok ? clusterId.value : "", nodeIds };
}

/** Runs a scenario under observation: no two GCSes of different nodes may live at one time. Returns all that lived. */
export async function observed(scene: Scene, work: () => Promise<unknown>): Promise<readonly Reign[]> {
  const observer = new Observer(scene.cluster);
  try {
    await work();
  } finally {
    expect(await observer.rivals(), "two HEADs at one time").toEqual([]);
  }
  return observer.reigns;
}

/** Three looks of a second each, of which a silent GCS or agent makes three seconds. */
export const PROBES_MS = 12_000;
/** Ray's own look at its parts each second, and our word about its end. */
export const EXIT_MS = 4_000;
/** What a node waits before its fourth start in a row: no file has more of them. */
const BACK_OFF_MS = 4_000;

export interface Fault {
  readonly fault: () => unknown;
  /** What the supervisor of the node says of it. */
  readonly says: RegExp;
  readonly withinMs: number;
}

/** Injects a fault into a node, waits until its supervisor says so, and until the cluster is whole under the same HEAD. */
export async function heals(
  scene: Scene,
  node: string,
  { fault, says, withinMs }: Fault,
): Promise<{ before: Picture; after: Picture }> {
  const before = await picture(scene);
  const { cluster } = scene;
  const supervisor = cluster.process(node);
  const { mark } = supervisor;
  await observed(scene, async () => {
    await fault();
    await timed(`${node}: noticed`, () => supervisor.says(says, withinMs, mark));
    await timed("whole again", async () => {
      await supervisor.says(READY, within(scene, BACK_OFF_MS, 1), mark);
      // The workers follow a new HEAD, and then it boots no more.
      await cluster.becomes(scene.names, within(scene, 0, 1));
    });
  });
  const after = await picture(scene);
  expect(after).toMatchObject({ head: before.head, epoch: before.epoch });
  return { before, after };
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
