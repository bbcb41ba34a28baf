import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { NodeReport } from "../../common/lease-protocol.ts";
import { createReach } from "./reach.ts";

const NONCE = "0123456789abcdef";
const PEER = "10.0.0.7";
const HOUR_MS = 3_600_000;

let node: Server;
let port: number;
let dialled: number;
let nowMs: number;
let report: NodeReport;

beforeEach(async () => {
  [dialled, nowMs] = [0, 0];
  node = createServer((socket) => {
    dialled += 1;
    socket.end(NONCE);
  });
  node.listen(0, "127.0.0.1");
  await once(node, "listening");
  port = (node.address() as AddressInfo).port;
  report = {
    life: "1",
    role: null,
    state: "starting",
    head: null,
    advertise: "localhost",
    nodeManagerPort: port,
  };
});

afterEach(() => void node.close());

/** A service that knows every node by the same report, which came from PEER. */
function service(trusted = false) {
  const find = (_node: string, life: string, peer: string) =>
    life === report.life && peer === PEER ? report : undefined;
  const reach = createReach({ timeoutMs: 1000, find, trusted, now: () => nowMs });
  return (name: string, to = port, peer = PEER) =>
    reach({ node: name, life: "1", nonce: NONCE, port: to }, peer);
}

test("a node is reached by its name, and told from where; what the name resolves to is for the token alone", async () => {
  expect(await service()("cpu")).toEqual({
    result: "reached",
    message: "the node answered",
    from: "127.0.0.1",
    to: `localhost:${port}`,
    address: null,
  });
  expect(await service(true)("cpu")).toMatchObject({ result: "reached", address: "127.0.0.1" });
});

test("nothing is dialled for one who did not report from there, and no port that was not reported", async () => {
  const reach = service();
  expect(await reach("cpu", port, "10.0.0.8")).toMatchObject({ result: "not-known", to: null });
  expect(await reach("cpu", port === 65535 ? 2000 : port + 1)).toMatchObject({ result: "not-known" });
  report = { ...report, nodeManagerPort: 22 };
  expect(await reach("cpu", 22)).toMatchObject({ result: "not-known" });
  report = { ...report, advertise: null };
  expect(await reach("cpu", 22)).toMatchObject({ result: "not-known" });
  expect(dialled).toBe(0);
});

test("a node is dialled once in three seconds", async () => {
  const reach = service();
  expect((await reach("cpu")).result).toBe("reached");
  nowMs += 2999;
  expect(await reach("CPU")).toMatchObject({ result: "busy", message: expect.stringContaining("3 s ago") });
  nowMs += 1;
  expect((await reach("cpu")).result).toBe("reached");
});

test("a stranger learns of 32 targets an hour, whatever it calls itself; targets that it had are dialled again", async () => {
  const reach = service();
  const ask = (target: number) => {
    nowMs += 1000;
    report = { ...report, nodeManagerPort: target };
    return reach(`node-${target}-${nowMs}`, target);
  };
  expect((await ask(port)).result).toBe("reached");
  for (let i = 1; i < 32; i++) expect((await ask(1024 + i)).result).not.toBe("busy");
  expect(await ask(1100)).toMatchObject({ result: "busy", to: null });
  expect((await ask(port)).result).toBe("reached");
  nowMs += HOUR_MS;
  expect((await ask(1100)).result).not.toBe("busy");
});

test("all together are dialled 120 times a minute, also with the token", async () => {
  const reach = service(true);
  for (let i = 0; i < 120; i++) expect((await reach(`n${i}`)).result).toBe("reached");
  expect(await reach("late")).toMatchObject({ result: "busy" });
  nowMs += 60_000;
  expect((await reach("late")).result).toBe("reached");
  expect(dialled).toBe(121);
});
