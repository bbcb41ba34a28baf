import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TcpProxy } from "../fixtures/cluster/tcp-proxy.ts";
import { eachRig } from "../fixtures/each-rig.ts";
import { FakeGcs } from "../fixtures/fake-gcs.ts";
import { lives } from "../fixtures/rig.ts";
import { until } from "../fixtures/until.ts";

const GCS_PORT = 6379;
const HEALTH_PORT = 8080;

const rig = eachRig();
let open: (() => unknown)[] = [];
beforeEach(async () => {});
afterEach(async () => {
  await Promise.all(open.map((close) => close()));
  open = [];
});

/** A connection path from `host` to `target`, gone with the test. */
async function openWay(host: string, target: string, port: number): Promise<TcpProxy> {
  const way = await TcpProxy.open({ host: target, port }, { host, port });
  open.push(() => way.close());
  return way;
}

/** A server that answers 200 to everything and keeps no lease. */
async function plainService(): Promise<void> {
  const server = createHttp((_, response) => response.end("OK"));
  server.listen(HEALTH_PORT, rig.healthHost);
  await once(server, "listening");
  open.push(() => server.close());
}

test("A1 strict: of two nodes of one name the second leads only when the first one's guard has ended its Ray", async () => {
  await rig.health({ RAY_EP_LEASE_TTL: "12" });
  const way = await openWay(rig.host("", 110), rig.healthHost, HEALTH_PORT);
  const strict = { RAY_EP_FENCING: "strict" };
  const throughWay = { ...strict, HEALTH_URL: `http://${rig.host("", 110)}:${HEALTH_PORT}` };
  const first = rig.node("ray-cpu", throughWay);
  await first.says("✓ Ray cluster is ready!");
  // As if both resolved their common name to themselves: no node probes its own entry.
  const second = rig.node("ray-cpu", strict);
  await way.become("refuse");
  await second.says("Mode: head");
  const { started } = await rig.rays.run("ray-cpu");
  expect(lives(started.pid)).toBe(false);
  await second.says("✓ Ray cluster is ready!");
  expect(rig.rays.of("ray-cpu").filter((ray) => !ray.gone)).toHaveLength(1);
}, 90_000);

describe("A2 two HEADs that see each other while the health service is down", () => {
  /** The whitelist of a node that reaches the other one by its own path. */
  const whitelist = (ways: Record<string, string>) =>
    ["ray-cpu", "ray-gpu"].map((name) => `${name}=${ways[name] ?? rig.host(name)}:${GCS_PORT}`).join(" ");

  test("the one that never had a lease gives way to the one that had one, though it is first in the whitelist", async () => {
    const health = await rig.health();
    const [toGpu, toCpu] = [rig.host("", 130), rig.host("", 131)];
    const gpu = rig.node("ray-gpu", { HEAD_WHITELIST: whitelist({ "ray-cpu": toCpu }) });
    await gpu.says("✓ Ray cluster is ready!");
    health.signal("SIGKILL");
    await health.exit();
    const cpu = rig.node("ray-cpu", {
      HEAD_WHITELIST: whitelist({ "ray-gpu": toGpu }),
      RAY_EP_SECOND_LOOK: "2",
    });
    await cpu.says("✓ Ray cluster is ready!");
    await openWay(toGpu, rig.host("ray-gpu"), GCS_PORT);
    await openWay(toCpu, rig.host("ray-cpu"), GCS_PORT);
    await cpu.says("Mode: worker");
    expect(cpu.stdout).toContain(
      `✗ ray-gpu leads as well, at ${toGpu}:${GCS_PORT}, under epoch 1, and this one never had a lease: this HEAD gives way`,
    );
    const [elder] = rig.rays.of("ray-gpu");
    expect(lives((await rig.rays.run("ray-cpu")).started.pid)).toBe(false);
    // It has enough time to see the other one and to give way as well.
    const [{ gcs }] = [await rig.rays.run("ray-gpu")];
    const calls = gcs?.calls ?? 0;
    await until("more looks", () => (gcs?.calls ?? 0) > calls + 20);
    expect([rig.rays.of("ray-gpu").length, elder?.gone]).toEqual([1, false]);
  }, 60_000);

  test("of two that never had a lease the later one gives way", async () => {
    await plainService();
    const [toGpu, toCpu] = [rig.host("", 130), rig.host("", 131)];
    const cpu = rig.node("ray-cpu", { HEAD_WHITELIST: whitelist({ "ray-gpu": toGpu }) });
    const gpu = rig.node("ray-gpu", {
      HEAD_WHITELIST: whitelist({ "ray-cpu": toCpu }),
      RAY_EP_SECOND_LOOK: "1",
    });
    await Promise.all([cpu, gpu].map((node) => node.says("✓ Ray cluster is ready!")));
    expect(rig.rays.runs.map((ray) => ray.isHead)).toEqual([true, true]);
    await openWay(toGpu, rig.host("ray-gpu"), GCS_PORT);
    await openWay(toCpu, rig.host("ray-cpu"), GCS_PORT);
    await gpu.says("Mode: worker");
    expect(gpu.stdout).toContain("and stands earlier in the whitelist: this HEAD gives way");
    expect(rig.rays.of("ray-cpu").map((ray) => ray.gone)).toEqual([false]);
  }, 60_000);
});

test("A3 a service without a lease: the first candidate does not lead beside a HEAD that is slow to answer", async () => {
  await plainService();
  const busy = await FakeGcs.start({ host: rig.host("ray-gpu"), port: GCS_PORT });
  open.push(() => busy.stop());
  busy.hangs = true;
  const cpu = rig.node("ray-cpu", { DISCOVERY_TIMEOUT: "0.5" });
  await cpu.says("Waiting");
  busy.hangs = false;
  await cpu.says("Mode: worker");
  expect(cpu.stdout).not.toContain("Mode: head");
}, 30_000);
