import { expect, onTestFinished, test } from "vitest";
import { formatAddress } from "../../src/common/address.ts";
import { TcpProxy } from "../fixtures/cluster/tcp-proxy.ts";
import { lasting } from "../fixtures/timed.ts";
import { observed, picture } from "./judge.ts";
import { BOOT_MS, CPU, EXTRA, emptyScene, GPU, keep, startNode } from "./rig.ts";

test("200 ms of delay on every connection to the health service and to the HEAD: it joins, and nothing restarts", async () => {
  const scene = keep(await emptyScene());
  const { cluster, links } = scene;
  const toHead = await TcpProxy.open(cluster.gcsAddress(CPU));
  onTestFinished(() => toHead.close());
  for (const proxy of [toHead, ...Object.values(links)]) proxy.delayMs = 200;

  await startNode(scene, CPU).says("✓ Ray cluster is ready!", BOOT_MS);
  const HEAD_WHITELIST = `${CPU}=${formatAddress(toHead.address)} ${GPU}=${formatAddress(cluster.gcsAddress(GPU))}`;
  const worker = startNode(scene, EXTRA, { HEAD_WHITELIST });
  await worker.says("✓ Ray worker successfully joined the cluster!", 2 * BOOT_MS);

  const before = await picture(scene, [CPU, EXTRA]);
  await observed(scene, () => lasting(20_000));
  expect(await picture(scene, [CPU, EXTRA])).toEqual(before);
  expect(worker.text).not.toContain("restarting");
});
