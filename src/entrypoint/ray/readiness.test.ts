import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeGcs, fakeNode } from "../../../test/fixtures/fake-gcs.ts";
import type { Address } from "../../common/address.ts";
import { realClock } from "../../common/deadline.ts";
import { openGcs } from "../../gcs/client.ts";
import { OwnGcs } from "./own-gcs.ts";
import { waitUntilReady } from "./readiness.ts";

let server: FakeGcs;
let gcs: OwnGcs;

beforeEach(async () => {
  server = await FakeGcs.start();
  gcs = new OwnGcs(server.address, (address) => openGcs(address, { token: null }));
});

afterEach(async () => {
  gcs.client.close();
  await server.stop();
});

const readiness = (timeoutMs: number) => ({ gcs: server.address, nodeName: "ray-gpu", timeoutMs });
const never = new AbortController().signal;
/** Waits for the node of this id, which names this GCS; undefined: it starts no raylet. */
const wait = (
  timeoutMs: number,
  nodeId: string | undefined,
  own = gcs,
  address?: Address,
  endedAlone = () => false,
) => {
  const raylet = nodeId === undefined ? undefined : { nodeId, endedAlone };
  const ray = { names: () => ({ gcs: address, raylet }), rayletFault: () => "its words" };
  return waitUntilReady(readiness(timeoutMs), own, ray, realClock, never);
};

test("a leftover of this name, which the GCS still lists as ALIVE, is not this node; nor is one without a raylet", async () => {
  const leftover = fakeNode("ray-gpu");
  const own = fakeNode("ray-gpu");
  server.nodes = [leftover];
  for (const id of [undefined, own.nodeId])
    expect(await wait(200, id)).toMatchObject({
      ok: false,
      error: { reason: "not-ready-in-time" },
    });
  server.nodes = [leftover, own];
  expect(await wait(5000, own.nodeId)).toMatchObject({
    ok: true,
    value: { node: { nodeId: own.nodeId } },
  });
});

test("C3 the GCS is asked at the address on the raylet's command line, whatever the own name resolves to", async () => {
  const own = fakeNode("ray-gpu");
  server.nodes = [own];
  // Debian maps the hostname to 127.0.1.1, where Ray does not listen.
  const guess = new OwnGcs({ host: "127.0.1.1", port: 9 }, (address) => openGcs(address, { token: null }));
  expect(await wait(5000, own.nodeId, guess, server.address)).toMatchObject({ ok: true });
  expect(guess.address).toEqual(server.address);
  guess.client.close();
});

test("a raylet that ended before it was listed is not waited for: its own words say why", async () => {
  let looks = 0;
  const ended = await wait(60_000, "ab12", gcs, undefined, () => ++looks === 3);
  expect(ended).toMatchObject({ ok: false, error: { reason: "raylet-ended", saw: "its words" } });
  expect(looks).toBe(3);
});
