import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { resolveOnce } from "../common/lookup.ts";
import type { ReachRequest } from "../common/protocol/reach-protocol.ts";
import type { NodeReport } from "../common/protocol/report-protocol.ts";
import { createDialBack, createReach } from "./reach.ts";

const NONCE = "0123456789abcdef";
const PEER = "10.0.0.7";
const TIMEOUT_MS = 300;
const HOUR_MS = 3_600_000;
const NOT_DIALLED = { from: null, to: null, address: null };

let servers: Server[];
let sockets: Set<Socket>;
let nowMs: number;
beforeEach(() => {
  [servers, sockets, nowMs] = [[], new Set(), 0];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

/** A server on the loopback that treats each connection so; its port. */
async function listen(treat: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    treat(socket);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}
const listenAsNode = () => listen((socket) => socket.end(NONCE));

/** A port on which nothing listens any more. */
async function closedPort(): Promise<number> {
  const port = await listen(() => {});
  await new Promise((done) => servers.pop()?.close(done));
  return port;
}

/** A service that knows this report of every node but a stranger, from PEER. It is asked at `nowMs`. */
function reachOf(port: number, change: Partial<NodeReport> = {}, trusted = true) {
  const report: NodeReport = {
    ...{
      life: "1",
      role: null,
      state: "starting",
      head: null,
      advertise: "localhost",
      nodeManagerPort: port,
    },
    ...change,
  };
  const reach = createReach(
    (node, life, peer) => (node !== "stranger" && life === report.life && peer === PEER ? report : undefined),
    trusted,
    () => nowMs,
    TIMEOUT_MS,
  );
  return (node: string, more: Partial<ReachRequest> = {}, peer = PEER) =>
    reach({ node, life: "1", nonce: NONCE, port, ...more }, peer);
}

describe("what the dial meets", () => {
  const late = { result: "timeout", message: `connected, but no answer within ${TIMEOUT_MS} ms` };
  const wrong = { result: "wrong-answer" };
  test.each<[string, (socket: Socket) => void, object]>([
    ["the node itself, which says the nonce", (socket) => socket.end(`${NONCE}\n`), { result: "reached" }],
    ["silence, and that there was a connection", () => {}, late],
    ["another nonce", (socket) => socket.end(NONCE.replace("0", "1")), wrong],
    ["the nonce and more", (socket) => socket.end(`${NONCE}${NONCE}`), wrong],
    ["another protocol", (socket) => socket.end("-ERR unknown command, this is a Redis\r\n"), wrong],
    ["a text too short", (socket) => socket.end("hi"), wrong],
    ["a connection that is closed at once", (socket) => socket.resetAndDestroy(), wrong],
  ])("%s", async (_, treat, met) => {
    const port = await listen(treat);
    expect(await reachOf(port)("cpu")).toMatchObject({ ...met, to: `localhost:${port}` });
  });

  test("nobody: refused", async () => {
    expect(await reachOf(await closedPort())("cpu")).toMatchObject({ result: "refused", from: null });
  });

  test("another of the ports that the node reported", async () => {
    const port = await listenAsNode();
    const reach = reachOf(20_001, { ports: [port] });
    expect(await reach("cpu", { port })).toMatchObject({ result: "reached" });
  });

  test("what the name resolves to is for the token alone", async () => {
    const port = await listenAsNode();
    const reached = { result: "reached", message: "the node answered", from: "127.0.0.1" };
    const to = `localhost:${port}`;
    expect(await reachOf(port)("cpu")).toEqual({ ...reached, to, address: "127.0.0.1" });
    expect(await reachOf(port, {}, false)("cpu")).toEqual({ ...reached, to, address: null });
  });
});

describe("nothing is dialled", () => {
  test.each<[string, ReturnType<typeof reachOf>, Parameters<ReturnType<typeof reachOf>>, RegExp]>([
    ["a stranger", reachOf(20_001), ["stranger"], /stranger has not reported in this run/],
    ["an earlier life", reachOf(20_001), ["cpu", { life: "0" }], /has not reported in this run/],
    ["one who did not report from there", reachOf(20_001), ["cpu", {}, "10.0.0.8"], /from 10\.0\.0\.8/],
    ["a foreign port", reachOf(20_001), ["cpu", { port: 20_002 }], /did not report port 20002 as its own/],
    ["a port of the system", reachOf(22), ["cpu"], /expected a port from 1024, got 22/],
    ["a node without a name", reachOf(20_001, { advertise: null }), ["cpu"], /reported no name/],
  ])("for %s", async (_, reach, asked, message) => {
    const result = "not-known";
    expect(await reach(...asked)).toEqual({
      result,
      message: expect.stringMatching(message),
      ...NOT_DIALLED,
    });
  });

  test("B1 while as many names are looked up as leave enough for those of the whitelist", async () => {
    const reach = reachOf(await listenAsNode());
    const underWay = Array.from(
      { length: 16 },
      (_, i) => new Promise<void>((done) => resolveOnce(`127.1.0.${i}`, () => done())),
    );
    expect(await reach("cpu")).toMatchObject({ result: "busy", ...NOT_DIALLED });
    await Promise.all(underWay);
    expect(await reach("cpu")).toMatchObject({ result: "reached" });
  });
});

describe("the budget", () => {
  test("a node is dialled once in three seconds, and not while a dial is under way", async () => {
    const reach = reachOf(await listen(() => {}));
    const first = reach("cpu");
    nowMs = 2999;
    const message = expect.stringContaining("3 s ago");
    expect(await reach("CPU")).toMatchObject({ result: "busy", message, ...NOT_DIALLED });
    expect(await first).toMatchObject({ result: "timeout" });
    nowMs += 1;
    expect(await reach("cpu")).toMatchObject({ result: "timeout" });
  });

  test("a stranger learns of 32 targets an hour, whatever it calls itself; targets that it had are dialled again", async () => {
    const port = await listenAsNode();
    const ports: number[] = [port];
    const reach = reachOf(port, { ports }, false);
    const ask = async (target: number) => {
      nowMs += 1000;
      ports[0] = target;
      return (await reach(`node-${nowMs}`, { port: target })).result;
    };
    expect(await ask(port)).toBe("reached");
    for (let i = 1; i < 32; i++) expect(await ask(1024 + i)).not.toBe("busy");
    expect([await ask(1100), await ask(port)]).toEqual(["busy", "reached"]);
    nowMs += HOUR_MS;
    expect(await ask(1100)).not.toBe("busy");
  });

  test("all together are dialled 120 times a minute, also with the token", async () => {
    let dialled = 0;
    const port = await listen((socket) => {
      dialled += 1;
      socket.end(NONCE);
    });
    const reach = reachOf(port);
    for (let i = 0; i < 120; i++) expect((await reach(`n${i}`)).result).toBe("reached");
    expect(await reach("late")).toMatchObject({ result: "busy" });
    nowMs += 60_000;
    expect((await reach("late")).result).toBe("reached");
    expect(dialled).toBe(121);
  });
});

describe("the dial-back of a member that has not started yet", () => {
  const member = { name: "gpu01", address: "127.0.0.1" };
  const dialBack = () => createDialBack(() => nowMs, TIMEOUT_MS);

  test("tells what each of several ports met, after the time of one", async () => {
    const ports = [await listenAsNode(), await closedPort(), await listen(() => {}), 22];
    const beganMs = performance.now();
    const { answers } = await dialBack()({ nonce: NONCE, ports }, member);
    expect(answers.map(({ result }) => result)).toEqual(["reached", "refused", "timeout", "not-known"]);
    expect(performance.now() - beganMs).toBeLessThan(3 * TIMEOUT_MS);
  });

  test("is made once in three seconds for each member", async () => {
    const dial = dialBack();
    const request = { nonce: NONCE, ports: [await listenAsNode()] };
    const results = async (who = member) => (await dial(request, who)).answers.map(({ result }) => result);
    expect([await results(), await results(), await results({ ...member, name: "gpu02" })]).toEqual([
      ["reached"],
      ["busy"],
      ["reached"],
    ]);
    nowMs += 3000;
    expect(await results()).toEqual(["reached"]);
  });
});
