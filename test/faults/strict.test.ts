import { expect, onTestFailed, onTestFinished, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import { until } from "../fixtures/until.ts";
import {
  ALL,
  BOOT_MS,
  CPU,
  closeScene,
  EXTRA,
  GPU,
  LEASE_MS,
  observed,
  type Scene,
  timed,
  wholeScene,
} from "./rig.ts";

/** Strict fencing: a HEAD that cannot renew its lease ends its Ray before another may lead. */
async function whole(): Promise<Scene> {
  const scene = await wholeScene({ env: { RAY_EP_FENCING: "strict" } });
  onTestFailed(() => scene.cluster.show());
  onTestFinished(() => closeScene(scene));
  return scene;
}

const noRay = (scene: Scene): Promise<true> =>
  until("the HEAD's Ray to be gone", () => (scene.cluster.ray(CPU).length === 0 ? true : null), LEASE_MS);

test("row 8, strict: the HEAD's supervisor is frozen: its Ray is killed before the lease ends, and another leads", async () => {
  const scene = await whole();
  const { cluster } = scene;
  await observed(scene, async () => {
    kill(cluster.process(CPU).pid, "SIGSTOP");
    await timed("Ray killed by the guard", () => noRay(scene));
    expect((await cluster.view()).holder?.expiresIn).toBeGreaterThan(0);
    expect(await cluster.becomes([GPU, EXTRA], LEASE_MS + 2 * BOOT_MS)).toBe(GPU);
    kill(cluster.process(CPU).pid, "SIGCONT");
    expect(await cluster.becomes(ALL, 2 * BOOT_MS)).toBe(GPU);
  });
  expect(cluster.process(CPU).text).toContain("✗ The guard killed Ray: the head lease was not renewed");
});

test("rows 19 and 20, strict: the HEAD is cut from the health service: its Ray is dead by the lease's end, one HEAD after", async () => {
  const scene = await whole();
  const { cluster, links } = scene;
  await observed(scene, async () => {
    await links[CPU]?.become("answers-lost");
    await timed("Ray ended by its supervisor", () => noRay(scene));
    // It finds the new HEAD by itself and joins it, health service or not.
    expect(await cluster.becomes(ALL, LEASE_MS + 3 * BOOT_MS)).toBe(GPU);
    await links[CPU]?.become("open");
  });
});

test("row 25, strict: everybody is cut from the health service: the HEAD stops, and one HEAD leads after it heals", async () => {
  const scene = await whole();
  const { cluster, links } = scene;
  await observed(scene, async () => {
    for (const name of ALL) await links[name]?.become("silent");
    await timed("Ray ended by its supervisor", () => noRay(scene));
    for (const name of ALL) await links[name]?.become("open");
    await cluster.becomes(ALL, LEASE_MS + 3 * BOOT_MS);
  });
});
