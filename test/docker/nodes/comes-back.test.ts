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
