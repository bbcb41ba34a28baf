import { expect, test } from "vitest";
import { observe } from "../../fixtures/cluster/observer.ts";
import {
  BOOT_MS,
  CPU,
  cut,
  EXTRA,
  GPU,
  joins,
  LEASE_MS,
  losePackets,
  sharedCluster,
} from "../../fixtures/docker/fault-scene.ts";
import { lasting, timed } from "../../fixtures/timed.ts";
import { until } from "../../fixtures/until.ts";

/** Faults around the nodes: network, names, processors, memory. The second candidate leads, unless a test says otherwise. */
const ALL = [CPU, GPU, EXTRA];
const cluster = sharedCluster([GPU, CPU, EXTRA], { env: { RAY_EP_TAKEOVER_AFTER: "30" } });

const whole = (): Promise<string> => cluster.becomes(ALL, 3 * BOOT_MS);

test("row 29: a candidate that is cut from HEAD and service leads on its side, and steps down when healed", async () => {
  expect(await whole()).toBe(GPU);
  const { epoch } = await cluster.view();
  const clusterId = await cluster.clusterId(GPU);
  // At the others' ends, since a container that restarts forgets its rules.
  const heals = [await cut(cluster, GPU, [CPU]), await cut(cluster, "health", [CPU])];
  const { length } = await cluster.log(CPU);
  try {
    await cluster.docker(["restart"], CPU);
    await until(
      "two HEADs, each on its side",
      async () => (await cluster.heads()).length === 2 && (await cluster.alive(CPU)).length === 1,
      3 * BOOT_MS,
    );
  } finally {
    for (const heal of heals) await heal();
  }
  await timed("row 29: the HEAD without a lease gave way", () =>
    cluster.says(CPU, "this HEAD gives way", LEASE_MS, length),
  );
  expect(await whole()).toBe(GPU);
  expect(await cluster.view()).toMatchObject({ epoch, holder: { node: GPU } });
  expect(await cluster.clusterId(GPU)).toBe(clusterId);
});

test("row 22: 40 % of the HEAD's packets are lost for a minute: at most one change of HEAD", async () => {
  await losePackets(cluster, ALL, 60_000);
});

test("name resolution is lost on every node, and back: nothing happens", async () => {
  const head = await whole();
  const { epoch } = await cluster.view();
  const clusterId = await cluster.clusterId(head);
  await observe(cluster, async () => {
    const lose = "cp /etc/resolv.conf /tmp/resolv.conf; echo nameserver 127.0.0.99 > /etc/resolv.conf";
    const heal = "cat /tmp/resolv.conf > /etc/resolv.conf";
    await Promise.all(ALL.map((name) => cluster.inside(name, lose, "root")));
    await lasting(LEASE_MS + 5_000);
    await Promise.all(ALL.map((name) => cluster.inside(name, heal, "root")));
    expect(await whole()).toBe(head);
  });
  expect(await cluster.clusterId(head)).toBe(clusterId);
  expect((await cluster.view()).epoch).toBe(epoch);
});

test("row 36: the HEAD has a twentieth of a processor for half a minute: its lease is kept, or another leads, never both", async () => {
  const head = await whole();
  await observe(cluster, async () => {
    await cluster.docker(["update", "--cpu-period=100000", "--cpu-quota=5000"], head);
    await lasting(30_000);
    await cluster.docker(["update", "--cpu-quota=-1"], head);
    await timed("row 36: whole", whole);
  });
});

/** Takes most of the container's memory for a while. */
const HOG = `
import time
held = []
try:
    for _ in range(50):
        held.append(bytearray(b"x") * (20 * 2**20))
        time.sleep(0.05)
except MemoryError: pass
time.sleep(5)
`;

// The last of the file, since the container keeps its limit.
test("row 35: a node is out of memory: it says so, and is back", async () => {
  const head = await whole();
  const { length } = await cluster.log(EXTRA);
  const lives = () => cluster.docker(["inspect", "--format", "{{.RestartCount}}"], EXTRA);
  const before = await lives();
  await observe(cluster, async () => {
    await cluster.docker(["update", "--memory=1g", "--memory-swap=1g"], EXTRA);
    // The first that the kernel kills for want of memory.
    await cluster.inside(EXTRA, "echo 1000 > /proc/$(pgrep -x raylet)/oom_score_adj");
    await cluster.begin(EXTRA, HOG);
    await until(
      "the node to lose a part",
      async () => (await cluster.log(EXTRA)).slice(length).includes("✗") || (await lives()) !== before,
      60_000,
    );
    await timed("row 35: back", () => joins(cluster, EXTRA, length));
    expect(await whole()).toBe(head);
  });
});
