import { expect, onTestFailed, onTestFinished, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import { until } from "../fixtures/until.ts";
import {
  ALL,
  BOOT_MS,
  CPU,
  closeScene,
  EXTRA,
  emptyScene,
  freeze,
  GPU,
  LEASE_MS,
  observed,
  picture,
  type Scene,
  type SceneOptions,
  startNode,
  timed,
  wholeScene,
} from "./rig.ts";

/** The HEAD goes: another candidate leads, the workers follow, and the old one comes back as a WORKER. */
async function whole(options: SceneOptions = {}): Promise<Scene> {
  const scene = await wholeScene(options);
  onTestFailed(() => scene.cluster.show());
  onTestFinished(() => closeScene(scene));
  return scene;
}

/** What the scenes set as RAY_EP_TAKEOVER_AFTER. */
const TAKEOVER_MS = 5_000;

test("rows 3 and 7: the HEAD's supervisor is killed: nothing of its Ray is left, a new HEAD leads, the old one joins it", async () => {
  const scene = await whole();
  const { cluster } = scene;
  const before = await picture(scene);
  const old = cluster.ray(CPU).map(({ pid }) => pid);

  await observed(scene, async () => {
    cluster.process(CPU).signal("SIGKILL");
    await timed("row 7: nothing of Ray is left after", () =>
      until(
        "the guard to have cleared Ray",
        () => cluster.ray(CPU).every(({ pid }) => !old.includes(pid)),
        10_000,
      ),
    );
    const head = await timed("row 3: a new HEAD with its worker after", () =>
      cluster.becomes([GPU, EXTRA], LEASE_MS + TAKEOVER_MS + 2 * BOOT_MS),
    );
    expect(head).toBe(GPU);
    expect((await cluster.view()).epoch).toBe(before.epoch + 1);

    const back = startNode(scene, CPU);
    await back.says("Mode: worker", BOOT_MS);
    expect(await cluster.becomes(ALL, BOOT_MS)).toBe(GPU);
  });
});

test("row 4: a clean stop of the HEAD hands over with no wait for the lease to end", async () => {
  const scene = await whole();
  const { cluster } = scene;
  const before = await picture(scene);
  const gpu = cluster.process(GPU);
  const { mark } = gpu;

  await observed(scene, async () => {
    cluster.process(CPU).signal("SIGTERM");
    expect(await cluster.process(CPU).ends()).toEqual({ code: 0, signal: null });
    expect((await cluster.view()).holder?.node ?? null).not.toBe(CPU);
    await timed("the next HEAD decided, after the end of the old one", () =>
      gpu.says("Mode: head", LEASE_MS, mark),
    );
    expect(await cluster.becomes([GPU, EXTRA], 2 * BOOT_MS)).toBe(GPU);
  });
  expect((await cluster.view()).epoch).toBe(before.epoch + 1);
});

test("row 10: the HEAD is paused until another leads: resumed, it ends its Ray and joins as WORKER", async () => {
  const scene = await whole();
  const { cluster } = scene;

  freeze(scene, CPU, "SIGSTOP");
  await until(
    "ray-gpu to lead",
    async () => (await cluster.alive(GPU)).some(({ name }) => name === EXTRA),
    LEASE_MS + TAKEOVER_MS + 3 * BOOT_MS,
  );
  const { mark } = cluster.process(CPU);
  freeze(scene, CPU, "SIGCONT");

  await timed("the old HEAD gave way", () => cluster.process(CPU).says("this HEAD gives way", 15_000, mark));
  expect(await cluster.becomes(ALL, 2 * BOOT_MS)).toBe(GPU);
});

test("row 28: the health service restarts empty and the HEAD is dead: one HEAD", async () => {
  const scene = await whole({ names: [CPU, GPU] });
  const { cluster } = scene;
  const before = await picture(scene, [CPU, GPU]);

  await observed(scene, async () => {
    cluster.process("health").signal("SIGKILL");
    cluster.process(CPU).signal("SIGKILL");
    await cluster.process("health").ends();
    await cluster.health();
    expect(await cluster.becomes([GPU], 2 * LEASE_MS + 3 * BOOT_MS)).toBe(GPU);
  });
  expect((await cluster.view()).epoch).toBeGreaterThan(before.epoch);
});

test("row 30: the answer that granted the lease is lost: the grant is recognized", async () => {
  const scene = await emptyScene();
  onTestFailed(() => scene.cluster.show());
  onTestFinished(() => closeScene(scene));
  const { cluster, links } = scene;

  // The look at the service passes; from the first word about the lease on, answers vanish.
  const node = startNode(scene, CPU);
  await node.says("Health service is up", 30_000);
  await links[CPU]?.become("answers-lost");
  await until("the grant", async () => (await cluster.view()).holder?.node === CPU, 20_000).catch(() => {});
  await links[CPU]?.become("open");

  await node.says("✓ Ray cluster is ready!", 2 * BOOT_MS);
  expect((await cluster.view()).holder).toMatchObject({ node: CPU, epoch: 1 });
});

test("row 37: a stop while waiting for a HEAD ends the node at once", async () => {
  const scene = await emptyScene();
  onTestFinished(() => closeScene(scene));
  const node = startNode(scene, EXTRA);
  await node.says("Waiting", 30_000);

  node.signal("SIGTERM");

  expect(await node.ends(5_000)).toEqual({ code: 0, signal: null });
  expect(node.text.trimEnd().split("\n").at(-1)).toMatch(/^✓ Stopped on SIGTERM/);
});

test("both candidates killed and started at once: one HEAD", async () => {
  const scene = await whole({ names: [CPU, GPU] });
  const { cluster } = scene;
  for (const name of [CPU, GPU]) cluster.process(name).signal("SIGKILL");
  for (const name of [CPU, GPU]) await cluster.process(name).ends();
  await until("nothing of Ray to live", () => [CPU, GPU].every((name) => cluster.ray(name).length === 0));

  await observed(scene, async () => {
    for (const name of [CPU, GPU]) startNode(scene, name);
    await cluster.becomes([CPU, GPU], LEASE_MS + TAKEOVER_MS + 3 * BOOT_MS);
  });
});

test("a HEAD that is killed while it boots is followed by the other candidate", async () => {
  const scene = await emptyScene();
  onTestFailed(() => scene.cluster.show());
  onTestFinished(() => closeScene(scene));
  const { cluster } = scene;
  await startNode(scene, CPU).says("Mode: head", 30_000);
  const { pid } = cluster.process(CPU);
  startNode(scene, GPU);
  await cluster.process(GPU).says("Waiting", 30_000);

  kill(pid, "SIGKILL");

  // It never served, so nothing but the end of its lease is waited for.
  expect(await cluster.becomes([GPU], LEASE_MS + 2 * BOOT_MS)).toBe(GPU);
});
