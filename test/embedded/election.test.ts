import { beforeAll, expect, test } from "vitest";
import { realRay } from "../fixtures/cluster/real-ray.ts";
import { TestCluster } from "../fixtures/cluster/test-cluster.ts";

const CANDIDATES = ["ray-cpu", "ray-gpu"];
let binDir: string;

beforeAll(async () => {
  binDir = await realRay();
});

const open = (env: Record<string, string> = {}) => TestCluster.open({ binDir, candidates: CANDIDATES, env });

const roleOf = (text: string): string | undefined => /Mode: (\w+)/.exec(text)?.[1];

test.each([
  { first: "ray-cpu", second: "ray-gpu" },
  { first: "ray-gpu", second: "ray-cpu" },
])(
  "$first first, then $second: the first leads, the second joins it, and a stop leaves no process behind",
  async ({ first, second }) => {
    const cluster = await open();
    const health = await cluster.health();
    const head = cluster.node(first);
    await head.says("✓ Ray cluster is ready!");
    const worker = cluster.node(second);
    await worker.says("✓ Ray worker successfully joined the cluster!");

    expect(await cluster.becomes(CANDIDATES)).toBe(first);
    expect(roleOf(head.text)).toBe("head");
    expect(roleOf(worker.text)).toBe("worker");

    for (const node of [worker, head]) {
      node.signal("SIGTERM");
      expect(await node.exit()).toBe(0);
    }
    expect((await cluster.view()).holder).toBeNull();
    health.signal("SIGTERM");
    expect(await health.exit()).toBe(0);
    expect(cluster.living).toEqual([]);
  },
);

// Three candidates at once, and many times: row 1 of docs/faults.md, in test/faults.
test.each([1, 2, 3])("both at once, time %i: exactly one leads", async () => {
  const cluster = await open();
  await cluster.health();
  const nodes = CANDIDATES.map((name) => cluster.node(name));

  const head = await cluster.becomes(CANDIDATES);

  for (const node of nodes) await node.says(/✓ Ray (cluster is ready|worker successfully joined)/);
  expect(nodes.map(({ name, text }) => [name, roleOf(text)])).toEqual(
    CANDIDATES.map((name) => [name, name === head ? "head" : "worker"]),
  );
  expect((await cluster.view()).epoch).toBe(1);
});

test("without the health service ray-gpu never leads, and ends with 75 and the reason for each address", async () => {
  const cluster = await open({ WAIT_FOR_HEAD: "4" });
  const gpu = cluster.node("ray-gpu");

  expect(await gpu.exit()).toBe(75);

  expect(gpu.text).toContain("✗ Health service is down");
  const { host, port } = cluster.gcsAddress("ray-cpu");
  expect(gpu.text).toContain(`✗ ${host}:${port} refuses connections`);
  expect(gpu.text).not.toContain("Mode: head");
});
