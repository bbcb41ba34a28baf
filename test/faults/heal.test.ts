import { expect, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import { until } from "../fixtures/until.ts";
import { ALL, BOOT_MS, CPU, EXTRA, GPU, observed, picture, sharedScene, timed } from "./rig.ts";

/** Faults after which every node is back, each within its bound, without a word from anybody. */
const scene = sharedScene();

/** Noticing takes three looks of a second each, and then Ray boots; twice where the workers follow a new HEAD. */
const NOTICE_MS = 15_000;

/** Injects a fault into a node, waits until its supervisor says so, and until the cluster is whole under the same HEAD. */
async function heals(node: string, what: RegExp, fault: () => void | Promise<void>): Promise<void> {
  const before = await picture(scene());
  const { cluster } = scene();
  const supervisor = cluster.process(node);
  const { mark } = supervisor;
  await observed(scene(), async () => {
    await fault();
    await timed(`${node}: noticed`, () => supervisor.says(what, NOTICE_MS, mark));
    await timed("whole again", async () => {
      await supervisor.says(/✓ Ray (cluster is ready|worker successfully joined)/, 2 * BOOT_MS, mark);
      await cluster.becomes(ALL, 2 * BOOT_MS);
    });
  });
  const after = await picture(scene());
  expect(after.head).toBe(before.head);
  expect(after.epoch).toBe(before.epoch);
}

test("row 11: gcs_server killed: the same HEAD again, the workers follow its new cluster", async () => {
  await heals(CPU, /✗ Ray ended by itself/, () =>
    kill(scene().cluster.part(CPU, "gcs_server").pid, "SIGKILL"),
  );
});

test("row 12: gcs_server stopped for good: killed and restarted", async () => {
  await heals(CPU, /✗ The GCS of this node gives no answer/, () =>
    kill(scene().cluster.part(CPU, "gcs_server").pid, "SIGSTOP"),
  );
});

test("row 13: gcs_server gets TERM and hangs", async () => {
  await heals(CPU, /✗ (The GCS of this node gives no answer|Ray ended by itself)/, () =>
    kill(scene().cluster.part(CPU, "gcs_server").pid, "SIGTERM"),
  );
});

test.each([EXTRA, CPU])("row 14: the raylet of %s gets TERM, a silent death", async (node) => {
  await heals(
    node,
    /✗ (The raylet of this node is gone|The agent of this node is gone|Ray ended by itself)/,
    () => kill(scene().cluster.part(node, "raylet").pid, "SIGTERM"),
  );
});

test.each(["dashboard/agent.py", "runtime_env/agent/main.py"])(
  "row 14: %s of a worker is killed, a silent death",
  async (agent) => {
    await heals(EXTRA, /✗ (The raylet|The agent|Ray ended by itself)/, () => {
      const title = agent.startsWith("dashboard") ? "ray::DashboardAgent" : "ray::RuntimeEnvAgent";
      kill(scene().cluster.part(EXTRA, title).pid, "SIGKILL");
    });
  },
);

test.each([EXTRA, CPU])("row 15: the raylet of %s is stopped", async (node) => {
  await heals(node, /✗ The raylet of this node is stopped/, () =>
    kill(scene().cluster.part(node, "raylet").pid, "SIGSTOP"),
  );
});

test("row 17: `ray start` is killed: nothing of it is left, and the node is back", async () => {
  const { cluster } = scene();
  const old = cluster.ray(EXTRA).map(({ pid }) => pid);
  await heals(EXTRA, /✗ Ray ended by itself/, () => {
    const leader = cluster.ray(EXTRA).find(({ pid, session }) => pid === session);
    if (leader !== undefined) kill(leader.pid, "SIGKILL");
  });
  const now = cluster.ray(EXTRA).map(({ pid }) => pid);
  expect(now.filter((pid) => old.includes(pid))).toEqual([]);
});

test("row 6: the HEAD is restarted in place: each worker joins its new cluster", async () => {
  const { cluster } = scene();
  const before = await picture(scene());
  const marks = [GPU, EXTRA].map((name) => ({
    worker: cluster.process(name),
    mark: cluster.process(name).mark,
  }));
  await observed(scene(), async () => {
    const leader = cluster.ray(CPU).find(({ pid, session }) => pid === session);
    if (leader !== undefined) kill(leader.pid, "SIGKILL");
    await until(
      "the new GCS to answer",
      async () => {
        const id = await cluster.gcs(CPU).clusterId(1000);
        return id.ok && id.value !== before.clusterId;
      },
      BOOT_MS,
    );
    await timed("workers noticed the new cluster", () =>
      Promise.all(marks.map(({ worker, mark }) => worker.says(/✗ The HEAD restarted/, 10_000, mark))),
    );
    await timed("all nodes back", () => cluster.becomes(ALL, 2 * BOOT_MS));
  });
});

test("row 16: somebody types `ray stop` inside a node", async () => {
  // It sends TERM to every process of Ray's but `ray start` (scripts.py, 2.60); here it may only hit this node's.
  const { cluster } = scene();
  await heals(EXTRA, /✗ (The raylet|The agent|Ray ended by itself)/, () => {
    for (const { pid, session } of cluster.ray(EXTRA)) if (pid !== session) kill(pid, "SIGTERM");
  });
});
