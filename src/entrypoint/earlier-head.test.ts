import { expect, test } from "vitest";
import { configOf } from "../../test/fixtures/config.ts";
import { FakeGcs } from "../../test/fixtures/fake-gcs.ts";
import { realClock } from "../common/deadline.ts";
import { probeGcs } from "../common/gcs/probe.ts";
import { findEarlierHead } from "./earlier-head.ts";

const probe = (address: { host: string; port: number }, timeoutMs: number) =>
  probeGcs(address, { token: null, timeoutMs });
const clock = { ...realClock, pause: (_: number, signal?: AbortSignal) => realClock.pause(20, signal) };

test("an earlier candidate that leads is found; a later one is not looked for", async () => {
  const gcs = await FakeGcs.start();
  const { host, port } = gcs.address;
  const whitelist = { HEAD_WHITELIST: `first=${host}:${port} second=127.0.0.1:1 third=127.0.0.1:2` };
  const never = new AbortController();
  try {
    expect(await findEarlierHead(configOf("second", whitelist), probe, clock, never.signal)).toEqual({
      kind: "earlier-head",
      node: "first",
      address: gcs.address,
    });
    expect(await findEarlierHead(configOf("first", whitelist), probe, clock, never.signal)).toBeNull();
  } finally {
    await gcs.stop();
  }
});

test("it ends when nobody needs it any more", async () => {
  const over = new AbortController();
  const whitelist = { HEAD_WHITELIST: "first=127.0.0.1:1 second=127.0.0.1:2" };
  const found = findEarlierHead(configOf("second", whitelist), probe, clock, over.signal);
  over.abort();
  expect(await found).toBeNull();
});
