import { expect, test } from "vitest";
import { observe } from "../../fixtures/cluster/observer.ts";
import { BOOT_MS, CPU, GPU, LEASE_MS, sharedCluster } from "../../fixtures/docker/fault-scene.ts";
import { lasting, timed } from "../../fixtures/timed.ts";
import { until } from "../../fixtures/until.ts";

/** The cluster's state in Redis: it outlives its HEAD, and two GCSes never share it (strict fencing). */
const ALL = [CPU, GPU];
const cluster = sharedCluster(ALL, {
  redis: true,
  env: { RAY_REDIS_ADDRESS: "redis:6379", RAY_external_storage_namespace: "faults" },
});

const PREPARE = `
import ray
from ray.experimental import internal_kv as kv
ray.init(address="auto", namespace="faults", log_to_driver=False)
`;

/** Runs a program on a node, as a driver of its Ray; returns what it printed. */
const python = (name: string, program: string): Promise<string> =>
  cluster.inside(name, `python3 - 2>/dev/null <<'END'${PREPARE}${program}\nEND`);

const KEEP = `@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)
class Keeper:
    def answer(self): return "kept"
keeper = Keeper.options(name="keeper", lifetime="detached").remote()
ray.get(keeper.answer.remote())
kv._internal_kv_put("key", "value")
print(ray.get_runtime_context().get_job_id())`;

const LOOK = `print(ray.get(ray.get_actor("keeper").answer.remote(), timeout=60), kv._internal_kv_get("key").decode())`;

const JOBS = `from ray._private.state import jobs
print(*(job["JobID"] for job in jobs()))`;

/** Waits until what was kept is found, since a detached actor may have to be made anew on another node. */
const kept = (name: string) =>
  until(
    `the state, seen from ${name}`,
    async () => (await python(name, LOOK).catch(() => "")) === "kept value",
    2 * BOOT_MS,
  );

const whole = (): Promise<string> => cluster.becomes(ALL, 3 * BOOT_MS);

test("a takeover keeps the cluster id, the KV store, a detached actor and the jobs", async () => {
  const head = await whole();
  const next = head === CPU ? GPU : CPU;
  const clusterId = await cluster.clusterId(head);
  const job = await python(head, KEEP);
  expect(job).toMatch(/^[0-9a-f]{8}$/);
  await observe(cluster, async () => {
    await cluster.docker(["kill"], head);
    await timed("takeover with Redis", () => cluster.becomes([next], LEASE_MS + 3 * BOOT_MS));
    expect(await cluster.clusterId(next)).toBe(clusterId);
    await kept(next);
    expect((await python(next, JOBS)).split(" ")).toContain(job);
    // It says so to whoever reads its log.
    await cluster.says(next, "✓ Same cluster as before", LEASE_MS);
    await cluster.docker(["start"], head);
    expect(await whole()).toBe(next);
    await kept(head);
  });
});

test("row 40: Redis is killed and back: the cluster comes back with its state", async () => {
  const clusterId = await cluster.clusterId(await whole());
  await observe(cluster, async () => {
    await cluster.docker(["kill"], "redis");
    await lasting(10_000);
    await cluster.docker(["start"], "redis");
    const head = await timed("row 40: whole", whole);
    expect(await cluster.clusterId(head)).toBe(clusterId);
    // What Redis brings back lists the nodes of before as ALIVE; a program on each of them shows that they live.
    for (const name of ALL) await kept(name);
  });
});
