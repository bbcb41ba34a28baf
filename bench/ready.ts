import { setTimeout as delay } from "node:timers/promises";
import { realRay } from "../test/fixtures/cluster/real-ray.ts";
import { TestCluster } from "../test/fixtures/cluster/test-cluster.ts";
import { FakeGcs, fakeNode } from "../test/fixtures/fake-gcs.ts";
import { Rig } from "../test/fixtures/rig.ts";
import { until } from "../test/fixtures/until.ts";
import { median, plainRow, type Row } from "./row.ts";

const ROUNDS = 7;
const OBSERVE_MS = 20;
const BOOT_MS = 180_000;
const READY = "✓ Ray cluster is ready!";
const AIM = { value: "at most", than: 150 } as const;

/** The ready line against the moment from which the GCS lists the node as ALIVE. */
export async function benchReady(): Promise<Row[]> {
  const lags: number[] = [];
  for (let i = 0; i < ROUNDS; i++) lags.push(await lagOfFake(i));
  const real = await lagOfReal();
  return [
    { ...plainRow("ready line after the GCS lists the node: fake GCS", median(lags), "ms"), aim: AIM },
    plainRow(`… the longest of ${ROUNDS}`, Math.max(...lags), "ms"),
    {
      ...plainRow(
        `ready line after ALIVE was seen from outside (every ${OBSERVE_MS} ms): real Ray`,
        real,
        "ms",
      ),
      aim: AIM,
    },
  ];
}

async function lagOfFake(round: number): Promise<number> {
  const rig = await new Rig().open();
  let gcs: FakeGcs | undefined;
  try {
    rig.rays.manners = { joins: false, exitOnTerm: 1 };
    await rig.health();
    const node = rig.node("ray-cpu");
    const { nodeId } = (await rig.rays.run("ray-cpu")).started;
    gcs = await FakeGcs.start({ host: rig.host("ray-cpu"), port: 6379 });
    const { calls } = gcs;
    await until("the first look", () => (gcs?.calls ?? 0) > calls);
    // Any moment between two looks of the entrypoint's may be the one.
    await delay(200 + 7 * round);
    gcs.nodes.push(fakeNode("ray-cpu", { isHead: true, nodeId }));
    const listedAt = performance.now();
    await said(() => node.stdout);
    return performance.now() - listedAt;
  } finally {
    await gcs?.stop();
    await rig.close();
  }
}

async function lagOfReal(): Promise<number> {
  const cluster = await TestCluster.make({
    binDir: await realRay(),
    candidates: ["ray-cpu"],
    rayWords: ["--include-dashboard=false"],
  });
  try {
    await cluster.health();
    const node = cluster.node("ray-cpu");
    const ready = said(() => node.text).then(() => performance.now());
    const end = performance.now() + BOOT_MS;
    while ((await cluster.alive("ray-cpu")).length === 0) {
      if (performance.now() > end) throw new Error(`never ALIVE:\n${node.text}`);
      await delay(OBSERVE_MS);
    }
    const aliveAt = performance.now();
    return Math.max(0, (await ready) - aliveAt);
  } finally {
    await cluster.close();
  }
}

const said = (text: () => string): Promise<boolean> =>
  until(
    () => `${READY} in:\n${text()}`,
    () => text().includes(READY),
    BOOT_MS,
  );
