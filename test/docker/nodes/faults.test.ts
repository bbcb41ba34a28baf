import { expect, test } from "vitest";
import { observe } from "../../fixtures/cluster/observer.ts";
import {
  BOOT_MS,
  CPU,
  cutWorker,
  EXTRA,
  GPU,
  joins,
  LEASE_MS,
  sharedCluster,
  work,
} from "../../fixtures/docker/fault-scene.ts";
import { timed } from "../../fixtures/timed.ts";
import { until } from "../../fixtures/until.ts";

/** Faults of containers and of their network: each node is back within its bound, and two HEADs are never seen. */
const ALL = [CPU, GPU, EXTRA];
const cluster = sharedCluster(ALL);

/** As many tasks as the cluster has CPUs, which end long after the test. */
const BUSY = `
import ray, time
ray.init(address="auto")
@ray.remote(num_cpus=1)
def busy(): time.sleep(3600)
ray.get([busy.remote() for _ in range(3)])
`;

const whole = (): Promise<string> => cluster.becomes(ALL, 3 * BOOT_MS);

/** Waits until tasks run on this node. */
const working = (name: string) =>
  until(
    `a task on ${name}`,
    async () => (await cluster.inside(name, "pgrep -f '^ray::busy' || true")) !== "",
    BOOT_MS,
  );

test("row 16: `ray stop` typed inside a node: the node comes back", async () => {
  const head = await whole();
  const { length } = await cluster.log(EXTRA);
  await observe(cluster, async () => {
    await cluster.inside(EXTRA, "ray stop");
    await timed("row 16: back", () => joins(cluster, EXTRA, length));
    expect(await whole()).toBe(head);
    await work(cluster, [EXTRA]);
  });
});

test("row 17: `ray start` is killed with a task running: no orphan, no zombie, a clean restart", async () => {
  await whole();
  await cluster.begin(EXTRA, BUSY);
  await working(EXTRA);
  const old = (await cluster.inside(EXTRA, "pgrep -f 'raylet|^ray::'")).split("\n");
  const { length } = await cluster.log(EXTRA);
  await observe(cluster, async () => {
    await cluster.inside(EXTRA, "pkill -KILL -f 'ray start'");
    await timed("row 17: back", () => joins(cluster, EXTRA, length));
  });
  const left = await cluster.inside(EXTRA, `ps -o pid=,stat=,args= -p ${old.join(",")} || true`);
  expect(left).toBe("");
  expect(await cluster.inside(EXTRA, "ps -eo stat= | grep -c '^Z' || true")).toBe("0");
  await whole();
});

test.each([5, 30])(
  "row 24: a worker is cut from the HEAD for %d s, and healed: it is in the cluster",
  async (seconds) => {
    await cutWorker(cluster, ALL, seconds * 1000);
  },
);

test("row 4: `docker stop` of an idle HEAD: another leads with no wait for the lease", async () => {
  const head = await whole();
  const next = head === CPU ? GPU : CPU;
  const { epoch } = await cluster.view();
  const { length } = await cluster.log(next);
  await observe(cluster, async () => {
    await cluster.docker(["stop"], head);
    expect((await cluster.view()).holder?.node ?? null).not.toBe(head);
    await timed("row 4: the next HEAD decided", () => cluster.says(next, "Mode: head", LEASE_MS, length));
    expect(await cluster.becomes([next, EXTRA], 2 * BOOT_MS)).toBe(next);
    await cluster.docker(["start"], head);
    expect(await whole()).toBe(next);
  });
  expect((await cluster.view()).epoch).toBe(epoch + 1);
});

test("row 5: `docker stop` of a busy HEAD: it ends by itself within the grace, and lets go only then", async () => {
  const head = await whole();
  await cluster.begin(head, BUSY);
  await working(head);
  const { length } = await cluster.log(head);
  await observe(cluster, async () => {
    await cluster.docker(["stop"], head);
    // 137 would be the engine's KILL, at the end of the grace.
    expect(await cluster.docker(["inspect", "--format", "{{.State.ExitCode}}"], head)).toBe("0");
    const text = (await cluster.log(head)).slice(length);
    expect(text).toContain("✓ Stopped on SIGTERM");
    expect(text).toMatch(/(Ray ended by itself|Killing Ray)[\s\S]*Head lease released/);
    await cluster.becomes(
      ALL.filter((name) => name !== head),
      2 * BOOT_MS,
    );
    await cluster.docker(["start"], head);
    await whole();
  });
});

/** Restarts containers, and waits until each of these nodes is a member again. */
async function restart(names: readonly string[]): Promise<void> {
  await whole();
  const lengths = await Promise.all(names.map(async (name) => (await cluster.log(name)).length));
  await observe(cluster, async () => {
    await Promise.all(names.map((name) => cluster.docker(["restart"], name)));
    await timed(`docker restart of ${names.join(", ")}: whole`, async () => {
      await Promise.all(names.map((name, i) => joins(cluster, name, lengths[i] ?? 0)));
      await whole();
    });
  });
}

test.each(ALL)("`docker restart` of %s: the cluster is whole again", (name) => restart([name]));

test("`docker restart` of all nodes at once: the cluster is whole again, and each node works", async () => {
  await restart(ALL);
  await work(cluster, ALL);
});
