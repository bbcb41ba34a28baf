import { readdirSync } from "node:fs";
import { expect, onTestFailed, onTestFinished, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import { until } from "../fixtures/until.ts";
import {
  ALL,
  BOOT_MS,
  CPU,
  closeScene,
  emptyScene,
  GPU,
  LEASE_MS,
  lasting,
  observed,
  type Scene,
  startNode,
  wholeScene,
} from "./rig.ts";

const TAKEOVER_MS = 5_000;

function keep(scene: Scene): Scene {
  onTestFailed(() => scene.cluster.show());
  onTestFinished(() => closeScene(scene));
  return scene;
}

const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

test("row 38: the HEAD's Ray is killed every 20 s for 10 minutes: it backs off, and nothing leaks", async () => {
  const scene = keep(await wholeScene());
  const { cluster } = scene;
  const supervisors = ALL.map((name) => cluster.process(name).pid);
  const before = { living: cluster.living, files: supervisors.map(openFiles) };

  await observed(scene, async () => {
    const end = performance.now() + 10 * 60_000;
    while (performance.now() < end) {
      await lasting(20_000);
      const leader = cluster.ray(CPU).find(({ pid, session }) => pid === session);
      if (leader !== undefined) kill(leader.pid, "SIGKILL");
    }
    await cluster.becomes(ALL, LEASE_MS + TAKEOVER_MS + 4 * BOOT_MS);
  });

  expect(cluster.process(CPU).text).toMatch(/restart \d+ in (?:[1-9]|[12]\d|30)\.0 s/);
  expect(cluster.living).toBeLessThanOrEqual(before.living + 3);
  supervisors.map(openFiles).forEach((files, i) => {
    expect(files).toBeLessThanOrEqual((before.files[i] ?? 0) + 3);
  });
});

test("both candidates killed and started at once, 20 times: always one HEAD, epochs only grow", async () => {
  const scene = keep(await wholeScene({ names: [CPU, GPU] }));
  const { cluster } = scene;
  let { epoch } = await cluster.view();
  for (let round = 1; round <= 20; round++) {
    for (const name of [CPU, GPU]) cluster.process(name).signal("SIGKILL");
    for (const name of [CPU, GPU]) await cluster.process(name).ends();
    await until("nothing of Ray to live", () => [CPU, GPU].every((name) => cluster.ray(name).length === 0));
    await observed(scene, async () => {
      for (const name of [CPU, GPU]) startNode(scene, name);
      await cluster.becomes([CPU, GPU], LEASE_MS + TAKEOVER_MS + 3 * BOOT_MS);
    });
    const now = await cluster.view();
    expect(now.epoch).toBeGreaterThanOrEqual(epoch);
    epoch = now.epoch;
  }
});

test("row 42: ten cycles of up and down leave nothing", async () => {
  const scene = keep(await emptyScene());
  const { cluster } = scene;
  for (let round = 1; round <= 10; round++) {
    for (const name of [CPU, GPU]) startNode(scene, name);
    await cluster.becomes([CPU, GPU], LEASE_MS + 3 * BOOT_MS);
    for (const name of [GPU, CPU]) cluster.process(name).signal("SIGTERM");
    for (const name of [GPU, CPU])
      expect(await cluster.process(name).ends()).toEqual({ code: 0, signal: null });
    expect([CPU, GPU].flatMap((name) => cluster.ray(name))).toEqual([]);
  }
});
