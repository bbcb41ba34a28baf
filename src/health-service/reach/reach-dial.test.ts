import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { NodeReport, ReachRequest } from "../../common/lease-protocol.ts";
import { resolveOnce } from "../../common/lookup.ts";
import { createReach } from "./reach.ts";

const NONCE = "0123456789abcdef";
const TIMEOUT_MS = 300;

const open: { servers: Server[]; sockets: Set<Socket> } = { servers: [], sockets: new Set() };
afterEach(async () => {
  for (const socket of open.sockets) socket.destroy();
  await Promise.all(open.servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

/** A server on the loopback that treats each connection so; its port. */
async function listen(treat: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    open.sockets.add(socket.on("error", () => {}));
    treat(socket);
  });
  open.servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}

/** A port on which nothing listens any more. */
async function closedPort(): Promise<number> {
  const port = await listen(() => {});
  await new Promise((done) => open.servers.pop()?.close(done));
  return port;
}

const report = (nodeManagerPort: number | null, change: Partial<NodeReport> = {}): NodeReport => ({
  ...{ life: "life-1", role: null, state: "starting", head: null },
  ...{ advertise: "127.0.0.1", nodeManagerPort },
  ...change,
});

/** Each test's questions come from one address, far enough apart for any budget. */
function reachOf(known: NodeReport, isKnown: (node: string) => boolean = (node) => node === "ray-gpu") {
  let nowMs = 0;
  const reach = createReach({
    timeoutMs: TIMEOUT_MS,
    find: (node, life) => (isKnown(node) && life === known.life ? known : undefined),
    trusted: true,
    now: () => {
      nowMs += 10_000;
      return nowMs;
    },
  });
  return (request: ReachRequest) => reach(request, "127.0.0.1");
}
const ask = (port: number, node = "ray-gpu") => ({ node, life: "life-1", nonce: NONCE, port });

describe("what the dial meets", () => {
  test("the node itself, which says the nonce", async () => {
    const port = await listen((socket) => socket.end(`${NONCE}\n`));
    expect(await reachOf(report(port))(ask(port))).toEqual({
      result: "reached",
      message: "the node answered",
      from: "127.0.0.1",
      to: `127.0.0.1:${port}`,
      address: "127.0.0.1",
    });
  });

  test("nobody: refused", async () => {
    const port = await closedPort();
    expect(await reachOf(report(port))(ask(port))).toMatchObject({ result: "refused", from: null });
  });

  test("silence: timeout, and whether there was a connection", async () => {
    const port = await listen(() => {});
    expect(await reachOf(report(port))(ask(port))).toMatchObject({
      result: "timeout",
      message: `connected, but no answer within ${TIMEOUT_MS} ms`,
    });
  });

  test.each<[string, (socket: Socket) => void]>([
    ["another nonce", (socket) => socket.end(NONCE.replace("0", "1"))],
    ["the nonce and more", (socket) => socket.end(`${NONCE}${NONCE}`)],
    ["another protocol", (socket) => socket.end("-ERR unknown command, this is a Redis\r\n")],
    ["a word too short", (socket) => socket.end("hi")],
    ["a connection that is closed at once", (socket) => socket.resetAndDestroy()],
  ])("%s: wrong answer", async (_, treat) => {
    const port = await listen(treat);
    expect(await reachOf(report(port))(ask(port))).toMatchObject({ result: "wrong-answer" });
  });

  test("another of the ports that the node reported", async () => {
    const port = await listen((socket) => socket.end(NONCE));
    expect(await reachOf(report(20_001, { ports: [port] }))(ask(port))).toMatchObject({ result: "reached" });
  });
});

describe("for whom nothing is dialled", () => {
  test.each<[string, NodeReport, Partial<ReturnType<typeof ask>>, RegExp]>([
    ["a stranger", report(20_001), { node: "stranger" }, /stranger has not reported in this life/],
    ["an earlier life", report(20_001), { life: "life-0" }, /has not reported in this life/],
    ["a foreign port", report(20_001), { port: 20_002 }, /did not report port 20002 as its own/],
    ["a port of the system", report(22), { port: 22 }, /expected a port from 1024, got 22/],
    ["a node without a name", report(20_001, { advertise: null }), {}, /reported no name/],
  ])("%s", async (_, known, change, message) => {
    const answer = await reachOf(known)({ ...ask(20_001), ...change });
    expect(answer).toEqual({
      result: "not-known",
      message: expect.stringMatching(message),
      from: null,
      to: null,
      address: null,
    });
  });

  test("a node for which a dial is under way: busy, and free again afterwards", async () => {
    const port = await listen(() => {});
    const reach = reachOf(report(port));
    const first = reach(ask(port));
    expect(await reach(ask(port))).toMatchObject({ result: "busy" });
    expect(await first).toMatchObject({ result: "timeout" });
    expect(await reach(ask(port))).toMatchObject({ result: "timeout" });
  });

  test("B1 names that give no answer leave look-ups for those of the whitelist", async () => {
    const port = await listen((socket) => socket.end(NONCE));
    const reach = reachOf(report(port));
    const underWay = Array.from(
      { length: 16 },
      (_, i) => new Promise<void>((done) => resolveOnce(`127.1.0.${i}`, () => done())),
    );
    expect(await reach(ask(port))).toMatchObject({ result: "busy" });
    await Promise.all(underWay);
    expect(await reach(ask(port))).toMatchObject({ result: "reached" });
  });

  test("one more than all of them together may have", async () => {
    const port = await listen(() => {});
    const reach = reachOf(report(port), () => true);
    const dials = Array.from({ length: 32 }, (_, i) => reach(ask(port, `node-${i}`)));
    expect(await reach(ask(port, "node-32"))).toMatchObject({ result: "busy" });
    for (const answer of await Promise.all(dials)) expect(answer.result).toBe("timeout");
  });
});
