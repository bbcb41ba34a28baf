import { afterAll, beforeAll, expect, test } from "vitest";
import { formatAddress } from "../../src/common/address.ts";
import { openGcs } from "../../src/gcs/client.ts";
import { readHeadEpoch } from "../../src/gcs/head-epoch.ts";
import { TcpProxy } from "../fixtures/cluster/tcp-proxy.ts";
import { timed } from "../fixtures/timed.ts";
import { until } from "../fixtures/until.ts";
import { CPU, GPU, READY, sharedEmptyScene, startNode, within } from "./rig.ts";

/** The path from each candidate to the other one's GCS. */
const scene = sharedEmptyScene();
const ways = new Map<string, TcpProxy>();
beforeAll(async () => {
  for (const name of [CPU, GPU]) {
    const way = await TcpProxy.open(scene().cluster.gcsAddress(name));
    await way.become("refuse");
    ways.set(name, way);
  }
});
afterAll(() => Promise.all([...ways.values()].map((way) => way.close())));

const whitelistOf = (own: string): string =>
  [CPU, GPU]
    .map((name) => {
      const way = name === own ? undefined : ways.get(name);
      return `${name}=${formatAddress(way?.address ?? scene().cluster.gcsAddress(name))}`;
    })
    .join(" ");

async function epochOf(name: string): Promise<number> {
  const gcs = openGcs(scene().cluster.gcsAddress(name), { token: null });
  const epoch = await readHeadEpoch(gcs, 2000);
  gcs.close();
  return epoch;
}

test("A2 the health service is gone, two HEADs come to see each other: the one that had the lease stays, the other joins it", async () => {
  const { cluster } = scene();
  const gpu = startNode(scene(), GPU, { HEAD_WHITELIST: whitelistOf(GPU) });
  await gpu.says(READY, within(scene(), 0, 1));
  await until("the HEAD's epoch in its own GCS", async () => (await epochOf(GPU)) === 1);
  const before = await cluster.gcs(GPU).clusterId(2000);

  cluster.process("health").signal("SIGKILL");
  await cluster.process("health").exit();
  const cpu = startNode(scene(), CPU, { HEAD_WHITELIST: whitelistOf(CPU), RAY_EP_SECOND_LOOK: "2" });
  await cpu.says("✓ Ray cluster is ready", within(scene(), 5000, 1));
  expect(await epochOf(CPU)).toBe(0);

  const { mark } = cpu;
  for (const way of ways.values()) await way.become("open");
  await timed("A2: the HEAD without a lease gave way", () => cpu.says("this HEAD gives way", 10_000, mark));
  await cpu.says(READY, within(scene(), 0, 2), mark);
  expect(cpu.since(mark)).toContain("Mode: worker");
  expect(await cluster.gcs(GPU).clusterId(2000)).toEqual(before);
  expect(gpu.text).not.toContain("gives way");
});
