import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { FakeGcs } from "../../../test/fixtures/fake-gcs.ts";
import * as odd from "../../../test/fixtures/odd-servers.ts";
import type { Address } from "../address.ts";
import { glance } from "./glance.ts";

const PATIENT_MS = 20_000;

const running: { stop(): unknown }[] = [];
afterEach(() => Promise.all(running.splice(0).map((each) => each.stop())));

async function keep<T extends { stop(): unknown }>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  running.push(started);
  return started;
}

test("knows a GCS by its version and cluster id", async () => {
  const gcs = await keep(FakeGcs.start({ version: "2.49.2", clusterId: "ab".repeat(28) }));
  const expected = { kind: "ray-gcs", version: "2.49.2", clusterId: "ab".repeat(28) };
  expect(await glance(gcs.address, { token: null, timeoutMs: PATIENT_MS })).toEqual(expected);
});

test("reads an answer that comes a byte at a time", async () => {
  const gcs = await keep(FakeGcs.start());
  const drip = await keep(dripping(gcs.address));
  expect(await glance(drip.address, { token: null, timeoutMs: PATIENT_MS })).toMatchObject({
    kind: "ray-gcs",
    version: "2.60.0",
  });
});

// Lengths around the steps of HPACK's numbers (RFC 7541, 5.1): below 127, above it, and with two bytes more.
test.each([1, 110, 119, 120, 121, 300, 4000])("brings a token of %i characters", async (length) => {
  const token = "t".repeat(length);
  const gcs = await keep(FakeGcs.start({ token }));
  expect(await glance(gcs.address, { token, timeoutMs: PATIENT_MS })).toMatchObject({ kind: "ray-gcs" });
  expect(await glance(gcs.address, { token: `${token}x`, timeoutMs: PATIENT_MS })).toBe("unclear");
});

test.each([
  ["a Redis", odd.redis],
  ["a web server of HTTP/1", odd.http1],
  ["a web server of HTTP/2", odd.http2Web],
  ["a TLS server", odd.tls],
  ["one that closes at once", odd.curt],
  ["one that resets", odd.rude],
  ["rubbish without end", odd.rubbish],
  ["a gRPC server of another service", odd.otherGrpc],
  ["a gRPC message without end", odd.endlessGrpc],
  ["a GCS without a cluster id", () => FakeGcs.start({ clusterId: "" })],
])("leaves %s to the library, long before the time is over", async (_, start) => {
  const server = await keep<{ address: Address; stop(): unknown }>(start());
  expect(await glance(server.address, { token: null, timeoutMs: PATIENT_MS })).toBe("unclear");
});

test.each([
  ["connect", odd.silent],
  ["answer", odd.mute],
])("tells silence in the %s", async (phase, start) => {
  const server = await keep(start());
  expect(await glance(server.address, { token: null, timeoutMs: 300 })).toEqual({ kind: "timeout", phase });
});

/** Passes bytes on, the answers one at a time. */
async function dripping(to: Address): Promise<{ address: Address; stop(): unknown }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to);
    for (const socket of [near, far]) sockets.add(socket.on("error", () => {}));
    near.setNoDelay(true).pipe(far);
    far.on("data", async (bytes: Buffer) => {
      for (const byte of bytes) await new Promise((resolve) => near.write(Buffer.from([byte]), resolve));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { address: host, port } = server.address() as AddressInfo;
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { address: { host, port }, stop };
}
