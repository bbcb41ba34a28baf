import { expect } from "vitest";
import { observe, type Reign } from "../fixtures/cluster/observer.ts";
import type { Running } from "../fixtures/running.ts";
import { timed } from "../fixtures/timed.ts";
import { until } from "../fixtures/until.ts";
import {
  ALL,
  BOOT_MS,
  CPU,
  GPU,
  LEASE_MS,
  READY,
  RENEW_MS,
  type Scene,
  startNode,
  TAKEOVER_MS,
  within,
} from "./rig.ts";

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
export async function resultOf(driver: Running): Promise<{ done: number; wrong: unknown[]; jobs?: number }> {
  await driver.exit(BOOT_MS);
  const [line] = /^\{"done".*\}$/m.exec(driver.text) ?? [];
  if (line === undefined) throw new Error(`the driver found nothing:\n${driver.text.slice(-3000)}`);
  return JSON.parse(line);
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

/** Who leads, and who follows when it goes. */
export async function roles(scene: Scene): Promise<{ head: string; next: string; epoch: number }> {
  const { head, epoch } = await picture(scene);
  return { head, next: head === CPU ? GPU : CPU, epoch };
}

/** The bound of a takeover: the lease ends, the old HEAD is out of reach for long enough, HEAD and workers boot. */
export const takenOver = (scene: Scene, boots = 2): number =>
  within(scene, LEASE_MS + TAKEOVER_MS + RENEW_MS, boots);

/** Starts the node `name` again, which joins `head`. */
export async function comesBack(scene: Scene, name: string, head: string): Promise<void> {
  await startNode(scene, name).says("Mode: worker", within(scene, 0, 1));
  expect(await scene.cluster.becomes(ALL, within(scene, 0, 1))).toBe(head);
}

/** Runs a scenario under observation: no two GCSes of different nodes may live at one time. Returns all that lived. */
export const observed = ({ cluster }: Scene, work: () => Promise<unknown>): Promise<readonly Reign[]> =>
  observe(cluster, work);

/** Runs a scenario after which all is as before: the same HEAD, epoch, cluster and nodes. */
export async function changesNothing(scene: Scene, work: () => Promise<unknown>): Promise<void> {
  const before = await picture(scene);
  await observed(scene, work);
  expect(await picture(scene)).toEqual(before);
}

/** Waits until the HEAD, which is ray-cpu, holds its lease again. */
export const leads = ({ cluster }: Scene): Promise<boolean> =>
  until("the HEAD to hold its lease again", async () => {
    const { holder } = await cluster.view();
    return holder?.node === CPU && holder.expiresIn > 0;
  });

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
      // The workers follow a new HEAD, all at once, and the machine has two cores.
      await cluster.becomes(scene.names, within(scene, 0, 2));
    });
  });
  const after = await picture(scene);
  expect(after).toMatchObject({ head: before.head, epoch: before.epoch });
  return { before, after };
}
