import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readKept } from "../../src/ws/state/secrets.ts";
import { EmbeddedWs } from "../fixtures/cluster/embedded-ws.ts";
import type { Run } from "../fixtures/typed-ws.ts";

const cluster = new EmbeddedWs();
/** Two at once, on a cluster that never was. */
let ups: Run[];

function configure({ cpus = 1, name = "plan", gpu = true }): void {
  cluster.configure({
    project: { name },
    cpu: { cpus, memory: "1g" },
    gpu: { cpus: 1, memory: "1g", enabled: gpu },
  });
}

beforeAll(async () => {
  configure({});
  ups = await Promise.all([cluster.ws(["up"]), cluster.ws(["up"])]);
});

const pids = (): number[] => cluster.processes.map(({ pid }) => pid);

test("D15 of two ws up at once the second waits, and both mean one cluster with one health token", async () => {
  for (const { code, text } of ups) expect(code, text).toBe(0);
  expect(ups.filter(({ text }) => text.includes("nothing was changed"))).toHaveLength(1);
  const { RAY_EP_HEALTH_TOKEN: kept } = readKept(cluster.state, "embedded") ?? {};
  const { status } = await fetch(`${cluster.healthUrl}/v1/head`, {
    method: "DELETE",
    headers: { "content-type": "application/json", authorization: `Bearer ${kept}` },
    body: JSON.stringify({ node: "nobody", epoch: 1 }),
  });
  expect(status).not.toBe(401);
});

test("E2 up says that it would replace the HEAD and what is lost, asks on a terminal, and needs --yes elsewhere", async () => {
  const before = pids();
  configure({ cpus: 2 });
  const plan = await cluster.ws(["up", "--dry-run"]);
  expect(plan.code, plan.text).toBe(0);
  expect(plan.text).toMatch(
    /✗ replace {2}ray-cpu {2}config\.yaml \(or ws itself\) changed since it was started/,
  );
  expect(plan.text).toContain(
    "lost: the jobs and tasks that run, and before Ray 2.57 the cluster's state, because it is the HEAD",
  );
  expect(plan.text).toMatch(/✓ keep {5}ray-gpu/);
  const refused = await cluster.ws(["up"]);
  expect(refused.code, refused.text).toBe(2);
  expect(refused.text).toContain("✗ Nothing was changed");
  const no = await cluster.ws(["up"], {}, { answer: "n\n" });
  expect(no.code, no.text).toBe(2);
  expect(no.text).toContain("Go on? [y/N]");
  expect((await cluster.ws(["up"], {}, { answer: "\u0003" })).code).toBe(130);
  expect(pids()).toEqual(before);
});

test("E4 another project.name is the same cluster for up and ps", async () => {
  configure({ name: "renamed" });
  const up = await cluster.ws(["up"]);
  expect(up.code, up.text).toBe(0);
  expect(up.text).toContain("nothing was changed");
  expect((await cluster.ws(["ps"])).code).toBe(0);
});

test("E10 a second cluster on the same addresses is told which cluster has them, and how to end it", async () => {
  const state = join(cluster.folder, "second");
  const up = await cluster.ws(["up"], {}, { state });
  expect(up.code, up.text).toBe(75);
  expect(up.text).toContain(
    `is held by ray-cpu of another cluster, which ws --state ${cluster.state} down ends`,
  );
  expect((await cluster.ws(["up", "--dry-run"], {}, { state })).code).toBe(75);
});

test("E8 a node that is switched off is stopped when the user agrees on a terminal", async () => {
  configure({ gpu: false });
  const up = await cluster.ws(["up"], {}, { answer: "y\n" });
  expect(up.code, up.text).toBe(0);
  expect(up.text).toMatch(/✗ stop {5}ray-gpu {2}config\.yaml no longer asks for it/);
  expect(up.text).toContain("1 node ALIVE");
  expect(pids()).toHaveLength(2);
});
