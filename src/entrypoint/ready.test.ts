import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeGcs, fakeNode } from "../../test/fixtures/fake-gcs.ts";
import { type GcsClient, openGcs } from "../common/gcs/client.ts";
import { waitUntilReady } from "./ready.ts";

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
test("a leftover of this name, which the GCS still lists as ALIVE, is not this node; nor is one without a raylet", async () => {
  const leftover = fakeNode("ray-gpu");
  const own = fakeNode("ray-gpu");
  server.nodes = [leftover];
  for (const id of [null, own.nodeId])
    expect(await waitUntilReady(readiness(200), gcs, () => id, never)).toMatchObject({
      ok: false,
      error: { reason: "not-ready-in-time" },
    });
  server.nodes = [leftover, own];
  expect(await waitUntilReady(readiness(5000), gcs, () => own.nodeId, never)).toMatchObject({
    ok: true,
    value: { node: { nodeId: own.nodeId } },
  });
});
