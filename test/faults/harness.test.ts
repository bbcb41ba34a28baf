import { spawn } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { Observer, rivalsAmong } from "../fixtures/cluster/observer.ts";
import { kill, TAG } from "../fixtures/cluster/tagged.ts";
import { TestCluster } from "../fixtures/cluster/test-cluster.ts";
import { FakeGcs } from "../fixtures/fake-gcs.ts";
import { until } from "../fixtures/until.ts";
import { CPU, GPU } from "./rig.ts";

/** What the suite trusts: that its watchers see what they are there to see. */
const open = () => TestCluster.open({ binDir: "/nonexistent", candidates: [CPU, GPU] });

test("what is left of a node's session is seen when its leader is dead and its environment gone", async () => {
  const cluster = await open();
  // Like a worker of Ray's, the second process does not carry the variables of the first.
  const leader = spawn("bash", ["-c", "env -i sleep 600 & wait"], {
    detached: true,
    env: { PATH: process.env.PATH, [TAG]: cluster.tag, RAY_EP_NODE_NAME: CPU },
  });
  await until("both to be seen", () => cluster.ray(CPU).some(({ name }) => name === "sleep"));
  expect(cluster.ray(GPU)).toEqual([]);

  kill(leader.pid ?? 0, "SIGKILL");
  await until("the leader's end", () => leader.signalCode);

  expect(cluster.ray(CPU).map(({ name }) => name)).toEqual(["sleep"]);
  expect(cluster.living.map(({ name }) => name)).toEqual(["sleep"]);
  expect(() => cluster.leader(CPU)).toThrow("no `ray start`");
  for (const { pid } of cluster.ray(CPU)) kill(pid, "SIGKILL");
  await until("nothing to be left", () => cluster.ray(CPU).length === 0);
});

test("two GCSes are rivals when their lives overlap, also where one is silent meanwhile", async () => {
  const cluster = await open();
  const gcs = await FakeGcs.start({ ...cluster.gcsAddress(CPU), clusterId: "c1".repeat(28) });
  onTestFinished(() => gcs.stop());
  const observer = new Observer(cluster);
  const seen = (count: number) => until(`${count} lives`, () => observer.reigns.length === count);
  await seen(1);
  gcs.hangs = true;
  const rival = await FakeGcs.start({ ...cluster.gcsAddress(GPU), clusterId: "c2".repeat(28) });
  onTestFinished(() => rival.stop());
  await seen(2);
  gcs.hangs = false;
  const { toMs = 0 } = observer.reigns.find(({ name }) => name === CPU) ?? {};
  await until("its answer", () => observer.reigns.some((each) => each.name === CPU && each.toMs > toMs));

  expect((await observer.rivals()).map((pair) => pair.map(({ name }) => name))).toEqual([[CPU, GPU]]);
});

test("one GCS after the other are no rivals, nor are two of one node", () => {
  const first = { name: CPU, clusterId: "c1", fromMs: 0, toMs: 10 };
  expect(rivalsAmong([first, { name: GPU, clusterId: "c2", fromMs: 11, toMs: 20 }])).toEqual([]);
  expect(rivalsAmong([first, { name: CPU, clusterId: "c2", fromMs: 5, toMs: 20 }])).toEqual([]);
  expect(rivalsAmong([first, { name: GPU, clusterId: "c1", fromMs: 10, toMs: 20 }])).toHaveLength(1);
});
