import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeAll, expect, test } from "vitest";
import { until } from "../../../test/fixtures/until.ts";
import { monotonicMs, pause } from "../../common/deadline.ts";
import { readEnvironment } from "../../common/environment.ts";
import { makeAuthority, makeServerKeys } from "../cluster/certificates.ts";
import { VARIABLES } from "../config.ts";
import { Service } from "../service.ts";
import { createHealthServer } from "./server.ts";
import { overTls, type Presented } from "./tls.ts";

const TIMEOUT_MS = 300;
const MAX_HANDSHAKES = 3;
const MAX_CONNECTIONS = 5;

let shown: Presented;
let server: ReturnType<typeof createHealthServer>;
const sockets: Socket[] = [];

beforeAll(async () => {
  const newest = await makeServerKeys(await makeAuthority("c1", Date.now()), "localhost", Date.now());
  shown = { newest, onNewest: () => {}, named: () => newest };
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function serve(handshakeMs = 60_000): Promise<void> {
  const config = readEnvironment(VARIABLES, {}).values;
  const memory = { file: null, recalled: { kind: "none" } } as const;
  const around = { now: monotonicMs, pause, log: () => {} };
  const service = new Service({ version: "1.2.3", instance: "run-1", config, ...memory, ...around });
  const limits = { requestTimeoutMs: TIMEOUT_MS, max: MAX_CONNECTIONS };
  server = createHealthServer(service, limits, undefined, overTls(shown, MAX_HANDSHAKES, handshakeMs));
  await once(server.listen(0, "127.0.0.1"), "listening");
}
const port = () => (server.address() as AddressInfo).port;

/** A connection and what came on it. */
function opened(socket: Socket) {
  sockets.push(socket);
  const connection = { socket, received: "" };
  socket
    .on("error", () => {})
    .on("data", (chunk) => {
      connection.received += chunk;
    });
  return connection;
}
const half = () => opened(connect(port(), "127.0.0.1")).socket;
async function whole() {
  const socket = connectTls({ port: port(), host: "127.0.0.1", rejectUnauthorized: false });
  const connection = opened(socket);
  await once(socket, "secureConnect");
  return connection;
}
const closed = (socket: Socket) => until("the end of a connection", () => socket.closed);
const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

test("B3 a handshake beyond the limit ends the oldest, and none of a connection that is through", async () => {
  await serve();
  const through = await whole();
  const shaking = [half(), half(), half()];
  await Promise.all(shaking.map((socket) => once(socket, "connect")));
  half();
  await closed(shaking[0] as Socket);
  through.socket.write(GET);
  await until("an answer", () => through.received.includes("200 OK"));
  expect(shaking.map((socket) => socket.closed)).toEqual([true, false, false]);
});

test("B3 a handshake that does not go on is ended", async () => {
  await serve(TIMEOUT_MS);
  await closed(half());
});

test("B3 connections over TLS are limited like all others: the longest idle one is closed", async () => {
  await serve();
  const all = [];
  for (let i = 0; i <= MAX_CONNECTIONS; i++) all.push(await whole());
  await closed(all[0]?.socket as Socket);
  expect(all.slice(1).some(({ socket }) => socket.closed)).toBe(false);
});

test("B2 requests ahead get one answer, and a slow one is told so: over TLS as without", async () => {
  await serve();
  const [ahead, slow] = [await whole(), await whole()];
  ahead.socket.write(GET.repeat(1000));
  slow.socket.write("GET / HTTP/1.1\r\nx-slow: ");
  await closed(ahead.socket);
  await closed(slow.socket);
  expect(ahead.received.match(/HTTP\/1\.1 200/g)).toHaveLength(1);
  expect(slow.received).toMatch(/^HTTP\/1\.1 408/);
});
