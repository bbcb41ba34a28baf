import { expect, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import { until } from "../fixtures/until.ts";
import {
  ALL,
  CPU,
  EXTRA,
  GPU,
  heals,
  observed,
  type Picture,
  picture,
  READY,
  sharedScene,
  timed,
  within,
  worksRight,
} from "./rig.ts";

/** Faults after which every node is back, each within its bound, without a word from anybody. */
const scene = sharedScene();

/** Three looks of a second each, of which a silent GCS or agent makes three seconds. */
const PROBES_MS = 12_000;
/** Ray's own look at its parts and our word about its end. */
const EXIT_MS = 4_000;

const partOf = (node: string, part: string, signal: NodeJS.Signals) => () =>
  kill(scene().cluster.part(node, part).pid, signal);

test("row 11: gcs_server killed: the same HEAD again, the workers follow its new cluster", async () => {
  const { before, after } = await heals(scene(), CPU, {
    fault: partOf(CPU, "gcs_server", "SIGKILL"),
    says: /✗ Ray ended by itself/,
    withinMs: EXIT_MS,
  });
  expect(after.clusterId).not.toBe(before.clusterId);
  await worksRight(scene());
});

test("row 12: gcs_server stopped for good: killed and restarted", async () => {
  await heals(scene(), CPU, {
    fault: partOf(CPU, "gcs_server", "SIGSTOP"),
    says: /✗ The GCS of this node gives no answer/,
    withinMs: PROBES_MS,
  });
});

test("row 13: gcs_server gets TERM and hangs", async () => {
  await heals(scene(), CPU, {
    fault: partOf(CPU, "gcs_server", "SIGTERM"),
    says: /✗ (The GCS of this node gives no answer|Ray ended by itself)/,
    withinMs: PROBES_MS,
  });
});

test.each([EXTRA, CPU])("row 14: the raylet of %s gets TERM, a silent death", async (node) => {
  await heals(scene(), node, {
    fault: partOf(node, "raylet", "SIGTERM"),
    says: /✗ (The raylet of this node is gone|The agent of this node is gone|Ray ended by itself)/,
    withinMs: PROBES_MS,
  });
});

test.each([
  [EXTRA, "ray::DashboardAgent"],
  [EXTRA, "ray::RuntimeEnvAgent"],
  [CPU, "ray::DashboardAgent"],
])("row 14: on %s %s is killed, a silent death", async (node, agent) => {
  await heals(scene(), node, {
    fault: partOf(node, agent, "SIGKILL"),
    says: /✗ (The raylet|The agent|Ray ended by itself)/,
    withinMs: PROBES_MS,
  });
});

test.each([EXTRA, CPU])("row 15: the raylet of %s is stopped", async (node) => {
  await heals(scene(), node, {
    fault: partOf(node, "raylet", "SIGSTOP"),
    says: /✗ The raylet of this node is stopped/,
    withinMs: PROBES_MS,
  });
});

test("row 17: `ray start` is killed: nothing of it is left, and the node is back", async () => {
  const { cluster } = scene();
  const old = cluster.ray(EXTRA).map(({ life }) => life);
  await heals(scene(), EXTRA, {
    fault: () => kill(cluster.leader(EXTRA).pid, "SIGKILL"),
    says: /✗ Ray ended by itself/,
    withinMs: EXIT_MS,
  });
  const lives = cluster.living.map(({ life }) => life);
  expect(old.filter((life) => lives.includes(life))).toEqual([]);
});

/** Waits until the GCS of the HEAD answers for another cluster. */
const newCluster = (before: Picture): Promise<boolean> =>
  until(
    "the new GCS to answer",
    async () => {
      const id = await scene().cluster.gcs(CPU).clusterId(1000);
      return id.ok && id.value !== before.clusterId;
    },
    within(scene(), 0, 1),
  );

test("row 6: the HEAD is restarted in place: each worker joins its new cluster", async () => {
  const { cluster } = scene();
  const before = await picture(scene());
  const workers = [GPU, EXTRA].map((name) => cluster.process(name));
  const marks = workers.map(({ mark }) => mark);
  await observed(scene(), async () => {
    kill(cluster.leader(CPU).pid, "SIGKILL");
    await newCluster(before);
    // The matrix says 2 s.
    await timed("row 6: workers noticed the new cluster", () =>
      Promise.all(workers.map((worker, i) => worker.says(/✗ The HEAD restarted/, 4_000, marks[i]))),
    );
    await timed("row 6: all nodes back", async () => {
      for (const [i, worker] of workers.entries()) await worker.says(READY, within(scene(), 0, 1), marks[i]);
      await cluster.becomes(ALL);
    });
  });
  expect((await picture(scene())).epoch).toBe(before.epoch);
});

test("row 16: somebody types `ray stop` inside a node", async () => {
  // It sends TERM to every process of Ray's but `ray start` (scripts.py, 2.60); here it may only hit this node's.
  const { cluster } = scene();
  await heals(scene(), EXTRA, {
    fault: () => {
      for (const { pid, session } of cluster.ray(EXTRA)) if (pid !== session) kill(pid, "SIGTERM");
    },
    says: /✗ (The raylet|The agent|Ray ended by itself)/,
    withinMs: PROBES_MS,
  });
});

test("every node still computes what is right", () => worksRight(scene()));
