import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eachRig } from "../fixtures/each-rig.ts";
import { Etcd, noEtcd } from "../fixtures/etcd.ts";
import { HealthServiceProcess } from "../fixtures/health-service-process.ts";

const rig = eachRig();

describe.skipIf(noEtcd)("nodes of three health services over a real etcd of three", () => {
  let etcd: Etcd;
  let services: HealthServiceProcess[] = [];
  beforeEach(async () => {
    etcd = await new Etcd().open();
    const store = { RAY_EP_HEALTH_STORE: etcd.url };
    services = await Promise.all(
      [0, 1, 2].map(async () => (await HealthServiceProcess.launch(store)).listening()),
    );
  });
  afterEach(async () => {
    for (const each of services) await each.remove();
    await etcd.close();
  });

  const node = (name: string, more = {}) =>
    rig.node(name, {
      HEALTH_URL: services.map(({ port }) => `http://127.0.0.1:${port}`).join(","),
      RAY_EP_TAKEOVER_AFTER: "2",
      ...more,
    });
  const lease = async (i: number) => (await services[i]?.call("GET", "/v1/head"))?.body;

  test("any machine may be lost with its HEAD, health service and etcd; most of etcd lost ends no HEAD", async () => {
    const cpu = node("ray-cpu");
    await cpu.says("✓ Ray cluster is ready!");
    const gpu = node("ray-gpu");
    await gpu.says("✓ Ray worker successfully joined the cluster!", 40_000);
    services[0]?.signal("SIGKILL");
    await etcd.kill(0);
    cpu.signal("SIGKILL");
    rig.rays.of("ray-cpu")[0]?.die("SIGKILL");
    await gpu.says("Mode: head", 45_000);
    await gpu.says("✓ Ray cluster is ready!");
    expect(await lease(1)).toMatchObject({ epoch: 2, holder: { node: "ray-gpu" } });
    expect(await lease(2)).toMatchObject({ epoch: 2, holder: { node: "ray-gpu" } });

    await etcd.kill(1);
    await gpu.says("Head lease not renewed");
    const back = node("ray-cpu");
    await back.says("✓ Ray worker successfully joined the cluster!");
    expect(back.stdout).not.toContain("Health service is up");
    await etcd.start(0, 1);
    await gpu.says("Head lease renewed again, epoch 2");
  }, 180_000);

  test("strict: without most of etcd the HEAD ends before its lease, nobody leads, and it leads again afterwards", async () => {
    const cpu = node("ray-cpu", { RAY_EP_FENCING: "strict" });
    // A strict candidate trusts the store alone, and that has no memory yet.
    await cpu.says("✓ Ray cluster is ready!", 60_000);
    const gpu = node("ray-gpu", { RAY_EP_FENCING: "strict" });
    await gpu.says("✓ Ray worker successfully joined the cluster!");
    await etcd.kill(0, 1);
    await cpu.says("this HEAD ends its Ray before another may lead", 30_000);
    await gpu.says("is out of reach", 30_000);
    expect(gpu.stdout).not.toContain("Mode: head");
    const { mark } = cpu;
    await etcd.start(0, 1);
    await cpu.says("HEAD: the head lease (epoch 1)", 60_000, mark);
    await cpu.says("✓ Ray cluster is ready!", 60_000, mark);
    expect(rig.rays.of("ray-cpu").filter((ray) => !ray.gone)).toHaveLength(1);
  }, 180_000);
});
