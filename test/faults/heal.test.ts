import { expect, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import { timed } from "../fixtures/timed.ts";
import { until } from "../fixtures/until.ts";
import { EXIT_MS, heals, observed, type Picture, PROBES_MS, picture, worksRight } from "./judge.ts";
import { ALL, CPU, EXTRA, GPU, READY, sharedScene, within } from "./rig.ts";

/** Faults of the HEAD's GCS after which every node is back, each within its bound, without a word from anybody. */
const scene = sharedScene();

const partOf = (node: string, part: string, signal: NodeJS.Signals) => () =>
  kill(scene().cluster.part(node, part).pid, signal);

test("row 11: gcs_server killed: the same HEAD again, the workers follow its new cluster", async () => {
  const { before, after } = await heals(scene(), CPU, {
    fault: partOf(CPU, "gcs_server", "SIGKILL"),
    says: /✗ Ray ended by itself/,
    withinMs: EXIT_MS,
  });
  expect(after.clusterId).not.toBe(before.clusterId);
});

test("row 12: gcs_server stopped for good: killed and restarted", async () => {
  await heals(scene(), CPU, {
    fault: partOf(CPU, "gcs_server", "SIGSTOP"),
    says: /✗ The GCS of this node no longer answers/,
    withinMs: PROBES_MS,
  });
});

test("row 13: gcs_server gets TERM and hangs", async () => {
  await heals(scene(), CPU, {
    fault: partOf(CPU, "gcs_server", "SIGTERM"),
    says: /✗ (The GCS of this node no longer answers|Ray ended by itself)/,
    withinMs: PROBES_MS,
  });
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
    // The matrix says 2 s. Who was looking for the HEAD by then finds it in its search, the others in their watch.
    await timed("row 6: workers noticed the new cluster", () =>
      Promise.all(workers.map((worker, i) => worker.says("→ State: watching → restarting", 4_000, marks[i]))),
    );
    await timed("row 6: all nodes back", async () => {
      for (const [i, worker] of workers.entries()) await worker.says(READY, within(scene(), 0, 1), marks[i]);
      await cluster.becomes(ALL);
    });
  });
  expect((await picture(scene())).epoch).toBe(before.epoch);
  await worksRight(scene());
});
