import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { resultOf, takenOver } from "../faults/judge.ts";
import { BOOT_MS, boot, CPU, EXTRA, GPU, READY, sharedScene, startNode } from "../faults/rig.ts";
import { times } from "../fixtures/thorough.ts";
import { timed } from "../fixtures/timed.ts";

/** A HEAD that keeps its state, a node that may lead in its place, and one that only works. */
const scene = sharedScene({ names: [CPU, EXTRA], keepsState: true });

const count = (head: string, ...words: string[]) =>
  resultOf(scene().cluster.driver(head, ["count", ...words]));

/** The cluster that this HEAD serves, and the raylet of the node that only works. */
async function clusterOf(head: string) {
  const { cluster } = scene();
  const id = await cluster.gcs(head).clusterId(2000);
  return { id: id.ok && id.value, raylet: cluster.part(EXTRA, "raylet").pid };
}

test("a HEAD that is killed is the same cluster again: id, KV store, jobs, and an actor that goes on counting on a node that never restarts", async () => {
  const { cluster } = scene();
  const extra = (await cluster.alive(CPU)).find(({ name }) => name === EXTRA);
  expect(await count(CPU, extra?.nodeId ?? "no node")).toMatchObject({ done: 1, wrong: [] });
  const before = await clusterOf(CPU);
  for (let i = 1; i <= times(20); i++) {
    cluster.process(CPU).signal("SIGKILL");
    // Every second time it is killed once more, in the middle of its start.
    if (i % 2 === 0) {
      await startNode(scene(), CPU).says("Mode: head", BOOT_MS);
      cluster.process(CPU).signal("SIGKILL");
    }
    await timed("from the kill to a HEAD that is ready", () => boot(scene(), CPU));
    expect(cluster.process(CPU).text).toContain("✓ Same cluster as before");
    expect(await clusterOf(CPU)).toEqual(before);
    const counted = await count(CPU);
    expect(counted).toMatchObject({ done: i + 1, wrong: [] });
    expect(counted.jobs).toBeGreaterThan(i);
  }
  // Thirty starts of Ray, beside other tests.
}, 600_000);

test("a HEAD that another has succeeded comes back as its WORKER, and its store is put aside", async () => {
  const { cluster } = scene();
  const stateOf = (name: string) => join(cluster.folder, `state-${name}`);
  cluster.process(CPU).signal("SIGKILL");
  await startNode(scene(), GPU).says(READY, takenOver(scene()));
  expect(cluster.process(GPU).text).toContain("→ New cluster");
  await boot(scene(), CPU);
  expect(cluster.process(CPU).text).toContain("is put aside, because another node leads now");
  expect(existsSync(join(stateOf(CPU), "gcs"))).toBe(false);
  expect(readdirSync(stateOf(CPU)).filter((name) => name.startsWith("gcs-aside-"))).toHaveLength(1);
  expect(await cluster.becomes([CPU, GPU, EXTRA], BOOT_MS)).toBe(GPU);
});
