import { once } from "node:events";
import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { lasting } from "../fixtures/timed.ts";
import { until } from "../fixtures/until.ts";
import { changesNothing, leads, observed, picture, worksRight } from "./judge.ts";
import { CPU, GPU, LEASE_MS, memoryOf, OVER_MS, READY, sharedScene, startNode, within } from "./rig.ts";

/** Words to the health service, and lives of it, that change nothing of the cluster. */
const scene = sharedScene();

const put = (path: string, body: unknown): Promise<Response> =>
  fetch(`${scene().cluster.healthUrl}${path}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

const claim = (node: string, epoch: number | null) => ({
  node,
  life: `stranger-${node}`,
  address: "127.0.0.1:1",
  clusterId: null,
  epoch,
  others: "answered",
});

test("row 2: a stranger asks for the lease and is refused", async () => {
  await changesNothing(scene(), async () => {
    const answer = await put("/v1/head", claim("stranger", null));
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ granted: false, holder: { node: CPU } });
  });
});

test("row 34: an old epoch, replayed, is refused and changes nothing", async () => {
  await changesNothing(scene(), async () => {
    const answer = await put("/v1/head", claim(GPU, 0));
    expect(answer.status).toBe(409);
  });
});

test("a plain 200 server takes the health service's place for longer than a lease", async () => {
  await changesNothing(scene(), async () => {
    const { cluster } = scene();
    // A renewal that is under way just then is the first that fails, and only the first is told.
    const { mark } = cluster.process(CPU);
    cluster.process("health").signal("SIGKILL");
    await cluster.process("health").exit();
    const asked = new Set<string>();
    const plain = createServer(({ method, url }, answer) => {
      asked.add(`${method} ${url}`);
      answer.end("OK");
    });
    onTestFinished(() => void plain.close());
    plain.listen(cluster.healthAddress);
    await once(plain, "listening");
    await lasting(OVER_MS);
    expect([...asked]).toContain("PUT /v1/head");
    expect(cluster.process(CPU).since(mark)).toContain("Head lease not renewed");
    plain.close();
    plain.closeAllConnections();
    await once(plain, "close");
    await cluster.health(memoryOf(cluster));
    await leads(scene());
  });
});

test("row 26: the health service is killed and restarted: same HEAD, same epoch", async () => {
  await changesNothing(scene(), async () => {
    const { cluster } = scene();
    cluster.process("health").signal("SIGKILL");
    await cluster.process("health").exit();
    await cluster.health(memoryOf(cluster));
    await until(
      "the HEAD to renew",
      async () => ((await cluster.view()).holder?.expiresIn ?? 0) > 0,
      LEASE_MS,
    );
  });
});

test("row 27: it restarts empty while a rival asks: the holder presents itself, and no epoch is lower", async () => {
  const before = await picture(scene());
  await observed(scene(), async () => {
    const { cluster } = scene();
    for (const name of ["health", GPU]) cluster.process(name).signal("SIGKILL");
    for (const name of ["health", GPU]) await cluster.process(name).exit();
    await cluster.health();
    // One that sees nobody but the service asks at once; one that sees the HEAD joins it.
    const asked = put("/v1/head", { ...claim(GPU, null), others: "silent" });
    const gpu = startNode(scene(), GPU);
    expect((await asked).status).toBe(409);
    await until(
      "the HEAD to present itself",
      async () => (await cluster.view()).holder?.node === CPU,
      LEASE_MS,
    );
    await gpu.says(READY, within(scene(), 0, 1));
    expect(gpu.text).toContain("Mode: worker");
  });
  const after = await picture(scene());
  expect(after.epoch).toBeGreaterThanOrEqual(before.epoch);
  expect(after).toMatchObject({ head: CPU, clusterId: before.clusterId });
  expect(after.nodeIds.filter((id) => before.nodeIds.includes(id))).toHaveLength(2);
});

test("every node still computes what is right", () => worksRight(scene()));
