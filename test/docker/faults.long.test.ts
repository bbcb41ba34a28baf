import { test } from "vitest";
import { CPU, cutWorker, EXTRA, GPU, losePackets, sharedCluster } from "../fixtures/docker/fault-scene.ts";

/** The rows of the matrix that last minutes. */
const ALL = [CPU, GPU, EXTRA];
const cluster = sharedCluster(ALL, { env: { RAY_EP_TAKEOVER_AFTER: "30" } });

test("row 24: a worker is cut from the HEAD for 90 s, and healed: it is in the cluster", async () => {
  await cutWorker(cluster, ALL, 90_000);
});

test("row 22: 40 % of the HEAD's packets are lost for five minutes: at most one change of HEAD", async () => {
  await losePackets(cluster, ALL, 300_000);
});
