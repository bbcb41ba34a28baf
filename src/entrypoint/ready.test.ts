import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeGcs, fakeNode } from "../../test/fixtures/fake-gcs.ts";
import { type GcsClient, openGcs } from "../common/gcs/client.ts";
import { tellNew, waitUntilReady } from "./ready.ts";

let server: FakeGcs;
let gcs: GcsClient;

beforeEach(async () => {
  server = await FakeGcs.start();
  gcs = openGcs(server.address, { token: null });
});

afterEach(async () => {
  gcs.close();
  await server.stop();
});

const readiness = (timeoutMs: number) => ({ gcs: server.address, nodeName: "ray-gpu", timeoutMs });
const never = new AbortController().signal;
const HOUR_MS = 3_600_000;

test("a WORKER's leftovers are those that its HEAD lists before it starts", async () => {
  const former = fakeNode("ray-gpu");
  server.nodes = [former];
  const ready = readiness(5000);
  const isNew = await tellNew({ role: "worker", ready }, gcs);
  const own = fakeNode("ray-gpu");
  server.nodes = [former, own];
  expect(await waitUntilReady(ready, gcs, isNew, never)).toMatchObject({
    ok: true,
    value: { node: { nodeId: own.nodeId } },
  });
});

test("a HEAD's leftovers, which its GCS brings back from Redis as ALIVE, joined before it started", async () => {
  const ready = readiness(200);
  const isNew = await tellNew({ role: "head", ready }, gcs);
  server.nodes = [fakeNode("ray-gpu", { startedAtMs: Date.now() - HOUR_MS })];
  expect(await waitUntilReady(ready, gcs, isNew, never)).toMatchObject({
    ok: false,
    error: { reason: "not-ready-in-time" },
  });
  const own = fakeNode("ray-gpu", { isHead: true, startedAtMs: Date.now() });
  server.nodes.push(own);
  expect(await waitUntilReady(ready, gcs, isNew, never)).toMatchObject({
    ok: true,
    value: { node: { nodeId: own.nodeId } },
  });
});
