import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Etcd, noEtcd } from "../fixtures/etcd.ts";
import { HealthServiceProcess } from "../fixtures/health-service-process.ts";
import { until } from "../fixtures/until.ts";

describe.skipIf(noEtcd)("three health services over a real etcd of three", () => {
  let etcd: Etcd;
  let services: HealthServiceProcess[];
  beforeEach(async () => {
    etcd = await new Etcd().open();
    services = await Promise.all([0, 1, 2].map(() => launch()));
  });
  afterEach(async () => {
    for (const each of services) await each.remove();
    await etcd.close();
  });

  const launch = async () =>
    (await HealthServiceProcess.launch({ RAY_EP_HEALTH_STORE: etcd.url })).listening();
  const service = (i: number): HealthServiceProcess => services[i] as HealthServiceProcess;
  const renews = (i: number, node = "ray-cpu", epoch = 1) => service(i).ask(node, { epoch });
  /** Sooner or later. */
  const renewed = (i: number) =>
    until(`a renewal by service ${i}`, async () => (await renews(i)).status === 200);
  const granted = (epoch: number) => ({ status: 200, body: { granted: true, epoch } });
  const unreachable = { status: 503, body: { error: expect.stringMatching(/no answer from 127|refused/) } };

  test("one lease: any of them grants, renews and releases, and each knows who holds it", async () => {
    expect(await service(0).ask("ray-cpu")).toMatchObject(granted(1));
    expect(await service(1).ask("ray-gpu")).toMatchObject({ status: 409, body: { reason: "held" } });
    expect(await renews(2)).toMatchObject(granted(1));
    expect(await service(1).call("GET", "/v1/head")).toMatchObject({ body: { holder: { node: "ray-cpu" } } });
    const release = { node: "ray-cpu", life: "ray-cpu-1", epoch: 1 };
    expect(await service(1).call("DELETE", "/v1/head", release)).toMatchObject({ body: { released: true } });
    expect(await service(2).ask("ray-gpu")).toMatchObject(granted(2));
    expect(await renews(0)).toMatchObject({ status: 409, body: { reason: "stale-epoch", epoch: 2 } });
  });

  test("all at once: one of many is granted", async () => {
    const asked = await Promise.all(
      ["a", "b", "c", "d", "e", "f"].map((node, i) => service(i % 3).ask(node)),
    );
    expect(asked.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test("one member of etcd lost: another one leads it in a moment; two: 503 and why, and nothing is granted; back: as before", async () => {
    expect(await service(0).ask("ray-cpu")).toMatchObject(granted(1));
    await etcd.kill(0);
    for (const i of [0, 1, 2]) await renewed(i);
    await etcd.kill(1);
    for (const i of [0, 1, 2]) expect(await renews(i)).toMatchObject(unreachable);
    expect(await service(2).ask("ray-gpu")).toMatchObject(unreachable);
    expect(await service(2).call("GET", "/v1/head")).toMatchObject(unreachable);
    expect(await service(2).call("GET", "/")).toMatchObject({ status: 200 });
    expect(service(2).text).toContain("✗ The store of the health services does not answer");
    await etcd.start(0, 1);
    for (const i of [0, 1, 2]) await renewed(i);
  });

  test("an old copy of the store grants nothing until somebody says that it counts; then epochs go on above", async () => {
    expect(await service(0).ask("ray-cpu")).toMatchObject(granted(1));
    await etcd.kill(0, 1, 2);
    etcd.backUp();
    await etcd.start(0, 1, 2);
    const release = { node: "ray-cpu", life: "ray-cpu-1", epoch: 1 };
    await until(
      "a release",
      async () => (await service(0).call("DELETE", "/v1/head", release)).status === 200,
    );
    expect(await service(0).ask("ray-gpu")).toMatchObject(granted(2));
    await until("all to know", async () => {
      const views = await Promise.all(services.map((each) => each.call("GET", "/v1/head")));
      return views.every(({ body }) => (body as { epoch?: number }).epoch === 2);
    });
    await etcd.kill(0, 1, 2);
    etcd.restore();
    await etcd.start(0, 1, 2);
    const old = {
      status: 409,
      body: { reason: "old-store", epoch: 2, message: expect.stringContaining("/v1/promote") },
    };
    await until("the store", async () => (await renews(0)).status === 409);
    for (const i of [0, 1, 2]) {
      expect(await renews(i)).toMatchObject(old);
      expect(await renews(i, "ray-gpu", 2)).toMatchObject(old);
      expect(await service(i).ask("ray-new", { address: "ray-new:6379" })).toMatchObject(old);
    }
    // One that remembers nothing hears of it by the nodes.
    await service(2).remove();
    services[2] = await launch();
    expect(await service(2).ask("ray-gpu", { seen: 2 })).toMatchObject(old);
    expect(await service(1).call("POST", "/v1/promote", {})).toMatchObject({ body: { epoch: 1002 } });
    // A HEAD that still lives has one lease's time.
    const asks = () => service(0).ask("ray-cpu", { seen: 2 });
    expect(await asks()).toMatchObject({ body: { reason: "quiet-period" } });
    await until("a grant", async () => (await asks()).status === 200);
    expect(await asks()).toMatchObject(granted(1003));
    expect(await service(2).ask("ray-gpu", { seen: 2 })).toMatchObject({ body: { reason: "held" } });
  });
});
