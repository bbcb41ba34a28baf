import { expect } from "vitest";
import { observed } from "./judge.ts";
import { ALL, BOOT_MS, closeScene, emptyScene, READY, startNode } from "./rig.ts";

/** Row 1: three candidates start at one moment on a fresh cluster. Exactly one GCS ever lives, under the first epoch. */
export async function startTogether(): Promise<void> {
  const scene = await emptyScene({ candidates: ALL });
  const { cluster } = scene;
  try {
    const reigns = await observed(scene, async () => {
      const nodes = ALL.map((name) => startNode(scene, name));
      for (const node of nodes) await node.says(READY, 2 * BOOT_MS);
      const head = await cluster.becomes(ALL);
      expect((await cluster.view()).holder).toMatchObject({ node: head, epoch: 1 });
      expect(nodes.filter(({ text }) => text.includes("Mode: head")).map(({ name }) => name)).toEqual([head]);
    });
    expect(reigns).toHaveLength(1);
  } catch (error) {
    cluster.show();
    throw error;
  } finally {
    await closeScene(scene);
  }
}
