import { expect, test } from "vitest";
import { observe } from "../../fixtures/cluster/observer.ts";
import {
  BOOT_MS,
  CPU,
  cut,
  cutWorker,
  EXTRA,
  GPU,
  losePackets,
  sharedCluster,
} from "../../fixtures/docker/fault-scene.ts";
import { lasting } from "../../fixtures/timed.ts";

/** The rows of the matrix that last minutes. The second candidate leads. */
const ALL = [CPU, GPU, EXTRA];
const cluster = sharedCluster([GPU, CPU, EXTRA], { env: { RAY_EP_TAKEOVER_AFTER: "30" } });

test("row 24: a worker is cut from the HEAD for 90 s, and healed: it is in the cluster", async () => {
  await cutWorker(cluster, ALL, 90_000);
});

test("row 29: a candidate that worked is cut from HEAD and service for 90 s: it does not lead, and joins when healed", async () => {
  expect(await cluster.becomes(ALL, 3 * BOOT_MS)).toBe(GPU);
  const { epoch } = await cluster.view();
  await observe(cluster, async () => {
    const heal = await cut(cluster, CPU, [GPU, "health"]);
    await lasting(90_000);
    await heal();
    expect(await cluster.becomes(ALL, 3 * BOOT_MS)).toBe(GPU);
  });
  expect((await cluster.view()).epoch).toBe(epoch);
});

test("row 22: 40 % of the HEAD's packets are lost for five minutes: at most one change of HEAD", async () => {
  await losePackets(cluster, ALL, 300_000);
});
