import { expect, test } from "vitest";
import {
  BOOT_MS,
  CPU,
  EXTRA,
  GPU,
  LEASE_MS,
  sharedCluster,
  work,
} from "../../fixtures/docker/fault-scene.ts";
import { timed } from "../../fixtures/timed.ts";

const ALL = [CPU, EXTRA, GPU];
const cluster = sharedCluster(ALL, { env: { RAY_EP_STATE: "auto" } });

const stateOf = async (name: string): Promise<string[]> =>
  (await cluster.inside(name, "ls /opt/ray-entrypoint/state")).split("\n");

/** A detached actor on the node that runs it; each call is a job of its own. Prints the count, the jobs known, and what was stored first. */
const COUNT = `python3 - 2>/dev/null <<'END'
import ray
from ray._private.state import jobs
from ray.experimental import internal_kv as kv
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
ray.init(address="auto", namespace="counting", log_to_driver=False)
@ray.remote(num_cpus=0)
class Counter:
    def __init__(self): self.count = 0
    def next(self):
        self.count += 1
        return self.count
here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
counter = Counter.options(name="counter", lifetime="detached", get_if_exists=True, scheduling_strategy=here).remote()
count = ray.get(counter.next.remote(), timeout=60)
kv._internal_kv_put("first", str(count), overwrite=False)
print(count, len(jobs()), kv._internal_kv_get("first").decode())
END`;

test("a HEAD that is killed is the same cluster again: id, KV store, jobs, and an actor that goes on counting on a node that never restarts", async () => {
  const head = await cluster.becomes(ALL, BOOT_MS);
  const seen = async () => [
    await cluster.clusterId(head),
    await cluster.inside(EXTRA, "grep -lx raylet /proc/[0-9]*/comm"),
  ];
  expect(await cluster.inside(EXTRA, COUNT)).toBe("1 1 1");
  const before = await seen();
  for (const time of [2, 3]) {
    const { length } = await cluster.log(head);
    await cluster.docker(["kill"], head);
    await cluster.docker(["start"], head);
    await timed("from the start to a HEAD that is ready", () =>
      cluster.says(head, "✓ Same cluster as before", BOOT_MS, length),
    );
    expect(await cluster.becomes(ALL, BOOT_MS)).toBe(head);
    expect(await cluster.inside(EXTRA, COUNT)).toBe(`${time} ${time} 1`);
    expect(await seen()).toEqual(before);
  }
});

test("a HEAD that another has succeeded comes back as its WORKER, its store is put aside, and one cluster remains", async () => {
  const head = await cluster.becomes(ALL, BOOT_MS);
  const next = head === CPU ? GPU : CPU;
  expect(await stateOf(head)).toContain("gcs");
  await cluster.docker(["kill"], head);
  await timed("the other candidate leads", () => cluster.becomes([EXTRA, next], LEASE_MS + 3 * BOOT_MS));
  expect(await cluster.log(next)).toContain("→ New cluster");
  const { length: before } = await cluster.log(head);
  await cluster.docker(["start"], head);
  await cluster.says(head, "is put aside, because another node leads now", 2 * BOOT_MS, before);
  expect(await cluster.becomes(ALL, 2 * BOOT_MS)).toBe(next);
  const left = await stateOf(head);
  expect(left).not.toContain("gcs");
  expect(left.filter((name) => name.startsWith("gcs-aside-"))).toHaveLength(1);
  await work(cluster, ALL);
});
