import { expect, test } from "vitest";
import { temporary } from "../fixtures/cluster/leftovers.ts";
import { kill, type Seen } from "../fixtures/cluster/tagged.ts";
import { lasting } from "../fixtures/timed.ts";
import { until } from "../fixtures/until.ts";
import { noRay, observed, picture, worksRight } from "./judge.ts";
import { folderMib, openFiles, pssMib } from "./resources.ts";
import {
  ALL,
  CLEAR_MS,
  CPU,
  EXTRA,
  emptyScene,
  GPU,
  keep,
  LEASE_MS,
  type Scene,
  startNode,
  TAKEOVER_MS,
  wholeScene,
  within,
} from "./rig.ts";
import { startTogether } from "./together.ts";

/** The longest pause of a node between two starts. */
const LONGEST_MS = 30_000;

/** What the cluster takes of the machine now. */
function taken({ cluster }: Scene) {
  const supervisors = ALL.map((name) => cluster.process(name).pid);
  return {
    processes: cluster.living.length,
    ports: cluster.listening.length,
    files: Math.max(...supervisors.map(openFiles)),
    pssMib: Math.max(...supervisors.map(pssMib)),
    folderMib: folderMib(cluster.folder),
  };
}

/** The `ray start` of whoever leads; a cluster without one for longer than a node may pause is lost. */
const leaderOf = (scene: Scene): Promise<Seen> =>
  until(
    "a HEAD with a Ray to kill",
    async () => {
      const { holder } = await scene.cluster.view();
      const ray = holder === null ? [] : scene.cluster.ray(holder.node);
      return ray.find(({ pid, session }) => pid === session);
    },
    within(scene, LONGEST_MS + LEASE_MS + TAKEOVER_MS, 1),
  );

test("row 38: the HEAD's Ray is killed every 20 s for 10 minutes: it backs off, and nothing leaks", async () => {
  const scene = keep(await wholeScene());
  const { cluster } = scene;
  const before = taken(scene);
  const epochs = [(await cluster.view()).epoch];
  let kills = 0;

  await observed(scene, async () => {
    const end = performance.now() + 10 * 60_000;
    while (performance.now() < end) {
      await lasting(20_000);
      kill((await leaderOf(scene)).pid, "SIGKILL");
      kills += 1;
      epochs.push((await cluster.view()).epoch);
    }
    await cluster.becomes(ALL, within(scene, LONGEST_MS + LEASE_MS + TAKEOVER_MS, 4));
  });

  const after = taken(scene);
  console.log(`row 38: ${kills} kills, epochs ${epochs.join(" ")}`, before, after);
  // 10 minutes in steps of 20 s and at most 30 s of back-off.
  expect(kills).toBeGreaterThanOrEqual(10);
  expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
  expect(cluster.processes.map(({ text }) => text).join("")).toMatch(
    /restart \d+ in (?:[1-9]|[12]\d|30)\.0 s/,
  );
  expect(after.processes).toBeLessThanOrEqual(before.processes + 3);
  expect(after.ports).toBeLessThanOrEqual(before.ports + 2);
  expect(after.files).toBeLessThanOrEqual(before.files + 3);
  expect(after.pssMib).toBeLessThanOrEqual(60);
  // A node keeps two old sessions beside the one that runs.
  expect(after.folderMib).toBeLessThanOrEqual(3 * before.folderMib + 20);
  await worksRight(scene);
});

test("row 1: three candidates start together, 20 times: one GCS, one epoch", async () => {
  for (let round = 1; round <= 20; round++) await startTogether();
});

test("both candidates killed and started at once, 20 times: always one HEAD, epochs only grow", async () => {
  const scene = keep(await wholeScene({ names: [CPU, GPU] }));
  const { cluster } = scene;
  let { epoch } = await cluster.view();
  for (let round = 1; round <= 20; round++) {
    for (const name of [CPU, GPU]) cluster.process(name).signal("SIGKILL");
    await noRay(scene, [CPU, GPU], CLEAR_MS);
    await observed(scene, async () => {
      for (const name of [CPU, GPU]) startNode(scene, name);
      await cluster.becomes([CPU, GPU], within(scene, LEASE_MS + TAKEOVER_MS, 3));
    });
    const now = await cluster.view();
    expect(now.epoch).toBeGreaterThan(epoch);
    epoch = now.epoch;
  }
});

test("row 42: ten cycles of up and down leave nothing", async () => {
  const scene = keep(await emptyScene());
  const { cluster } = scene;
  const before = { living: cluster.living.length, listening: cluster.listening, temporary: temporary() };
  for (let round = 1; round <= 10; round++) {
    for (const name of [CPU, GPU]) startNode(scene, name);
    await cluster.becomes([CPU, GPU], within(scene, LEASE_MS, 2));
    for (const name of [GPU, CPU]) cluster.process(name).signal("SIGTERM");
    for (const name of [GPU, CPU]) expect(await cluster.process(name).exit()).toBe(0);
    const { length } = cluster.living;
    expect({ living: length, listening: cluster.listening, temporary: temporary() }).toEqual(before);
  }
});

test("row 23: a worker is cut from the health service for 60 s: no restart", async () => {
  const scene = keep(await wholeScene());
  const before = await picture(scene);
  await observed(scene, async () => {
    await scene.links[EXTRA]?.become("silent");
    await lasting(60_000);
    await scene.links[EXTRA]?.become("open");
  });
  expect(await picture(scene)).toEqual(before);
});
