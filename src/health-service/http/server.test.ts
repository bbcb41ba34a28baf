import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { statusOf } from "../../../test/fixtures/status.ts";
import { monotonicMs, pause } from "../../common/deadline.ts";
import { readEnvironment } from "../../common/environment.ts";
import { HIGHEST_EPOCH, type LeaseRequest } from "../../common/protocol/lease-protocol.ts";
import { ClusterView, type NodeReport } from "../../common/protocol/report-protocol.ts";
import { VARIABLES } from "../config.ts";
import { type Event, quietLog } from "../event.ts";
import { Service } from "../service.ts";
import { createHealthServer } from "./server.ts";

/** For clients that are slow on purpose. */
const SHORT_REQUEST_TIMEOUT_MS = 300;
/** More than the 200 simultaneous requests. */
const MAX_CONNECTIONS = 300;
const TOKEN = "s3cret-token";

const openSockets: Socket[] = [];
let server: ReturnType<typeof createHealthServer>;
let service: Service;
let events: Event[];

/** A real server on a free port of this machine. */
async function serve(token: string | null = null, requestTimeoutMs?: number): Promise<void> {
  events = [];
  const log = (event: Event) => void events.push(event);
  const env = { RAY_EP_HEALTH_TOKEN: token ?? "", RAY_EP_HEALTH_ALLOWED_HOSTS: "health.example.org" };
  const config = readEnvironment(VARIABLES, env).values;
  const memory = { file: null, recalled: { kind: "none" } } as const;
  const around = { now: monotonicMs, pause, log };
  service = new Service({ version: "1.2.3", instance: "run-1", config, ...memory, ...around });
  server = createHealthServer(service, { requestTimeoutMs, max: MAX_CONNECTIONS });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}

const STATUS = statusOf("cpu", []);

afterEach(async () => {
  vi.useRealTimers();
  for (const socket of openSockets.splice(0)) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const JSON_HEAD = "host: a\r\ncontent-type: application/json\r\n";
const port = (): number => (server.address() as AddressInfo).port;

/** One request on a connection of its own. `body` of the answer is what its JSON says, `text` what it is. */
async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const sent = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const json = sent === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(`http://127.0.0.1:${port()}${path}`, {
    method,
    headers: { connection: "close", ...json, ...headers },
    ...(sent === undefined ? {} : { body: sent }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get("content-type") === "application/json" && text !== "";
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: isJson ? JSON.parse(text) : undefined,
  };
}

const ask = (node: string, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  ...{ node, life: `${node}-1`, address: `${node}:6379`, clusterId: null, epoch: null, others: "answered" },
  ...more,
});
const putHead = (node: string, more: Partial<LeaseRequest> = {}, headers: Record<string, string> = {}) =>
  call("PUT", "/v1/head", ask(node, more), headers);
const view = async (path = "/v1/cluster") => ClusterView.parse((await call("GET", path)).body);

const report: NodeReport = {
  ...{ life: "cpu-1", role: "head", state: "watching", head: "cpu:6379" },
  ...{ advertise: "cpu", nodeManagerPort: 20000 },
};
const release = { node: "cpu", life: "cpu-1", epoch: 1 };

/** A connection, and all that came on it. */
function open() {
  const socket = connect(port(), "127.0.0.1");
  openSockets.push(socket);
  const connection = { socket, received: "" };
  socket.on("data", (chunk) => {
    connection.received += chunk;
  });
  socket.on("error", () => {});
  return connection;
}

/** Sends words as they are, and reads until the far end closes. */
async function sendRaw(...words: string[]): Promise<string> {
  const connection = open();
  // Not `once`: it rejects on an error, and to be cut off is what some tests wait for.
  const closed = new Promise((resolve) => connection.socket.on("close", resolve));
  for (const word of words) connection.socket.write(word);
  await closed;
  return connection.received;
}

const put = (head: string, body: string) =>
  `PUT /v1/head HTTP/1.1\r\n${head}content-length: ${body.length}\r\n\r\n${body}`;
const answersIn = (received: string) => received.split("HTTP/1.1 ").length - 1;

describe("reads", () => {
  beforeEach(() => serve());

  test("GET / is 200 OK, also with a query, and HEAD / is the same without its body", async () => {
    expect(await call("GET", "/")).toMatchObject({ status: 200, text: "OK" });
    expect((await call("GET", "/?from=compose")).status).toBe(200);
    const head = await call("HEAD", "/");
    expect([head.status, head.headers.get("content-length"), head.text]).toEqual([200, "2", ""]);
  });

  test("GET /v1/cluster shows the lease and the nodes in the form of the protocol", async () => {
    await putHead("cpu", { clusterId: "abc" });
    await call("PUT", "/v1/nodes/cpu", report);
    const shown = await view();
    expect(shown).toMatchObject({ version: "1.2.3", instance: "run-1", ttl: 15, epoch: 1 });
    expect(shown.holder).toMatchObject({ node: "cpu", address: "cpu:6379", clusterId: "abc", epoch: 1 });
    expect(shown.holder?.expiresIn).toBeGreaterThan(5);
    expect(shown.nodes).toMatchObject([{ name: "cpu", role: "head", state: "watching" }]);
  });

  test("GET /v1/head is the same without the nodes, and short however many report", async () => {
    await putHead("cpu", { clusterId: "abc" });
    for (let i = 0; i < 50; i++) await call("PUT", `/v1/nodes/n${i}`, report);
    const { text, body } = await call("GET", "/v1/head");
    expect(ClusterView.parse(body)).toMatchObject({ epoch: 1, holder: { node: "cpu" }, nodes: [] });
    expect(text.length).toBeLessThan(1000);
  });

  test("GET /metrics is text for Prometheus, and a name from the network cannot break a line of it", async () => {
    await putHead('evil"\\name');
    const { headers, text } = await call("GET", "/metrics");
    expect(headers.get("content-type")).toContain("version=0.0.4");
    const lines = text.trimEnd().split("\n");
    for (const line of lines)
      expect(line).toMatch(/^(# (HELP|TYPE) ray_ep_\w+ .+|ray_ep_\w+(\{.*\})? [\d.e+-]+)$/);
    expect(lines).toContain("ray_ep_lease_epoch 1");
    expect(lines).toContain('ray_ep_lease_decisions_total{decision="grant"} 1');
    expect(lines.find((line) => line.startsWith("ray_ep_lease_holder"))).toContain('node="evil\\"\\\\name"');
  });
});

describe("requests that fit nothing", () => {
  beforeEach(() => serve());

  test.each([
    ["POST", "/", "GET, HEAD"],
    ["DELETE", "/", "GET, HEAD"],
    ["PUT", "/v1/cluster", "GET, HEAD"],
    ["POST", "/v1/head", "GET, PUT, DELETE, HEAD"],
    ["GET", "/v1/nodes/cpu", "PUT"],
    ["PUT", "/v1/reach", "POST"],
    ["PATCH", "/metrics", "GET, HEAD"],
  ])("%s %s is 405 and says what is allowed", async (method, path, allow) => {
    const { status, headers } = await call(method, path);
    expect([status, headers.get("allow")]).toEqual([405, allow]);
  });

  const PATHS = [
    "/nothing",
    "/v1",
    "/v1/head/",
    "/v1/nodes/",
    "/v1/nodes/a/b",
    "/v1/nodes/%ff",
    "/__proto__",
  ];
  test.each([...PATHS, "//", "/v1/nodes/cpu%0afake"])("%s is 404", async (path) => {
    for (const method of ["GET", "PUT"])
      expect((await call(method, path, method === "PUT" ? report : undefined)).status).toBe(404);
  });

  const MANY_PORTS = Array.from({ length: 5 }, (_, i) => 20_000 + i);
  test.each([
    ["no JSON", "head", "{", "expected a JSON object"],
    ["an empty body", "head", "", "got an empty body"],
    ["a list", "head", "[]", "body"],
    ["a missing field", "head", { node: "cpu" }, "life"],
    ["a wrong type", "head", { ...ask("cpu"), epoch: "1" }, "epoch"],
    ["a negative epoch", "head", ask("cpu", { epoch: -1 }), "epoch"],
    ["an empty name", "head", ask(""), "node"],
    ["a name that is too long", "head", ask("x".repeat(254)), "node"],
    ["a name with a line break", "head", ask("cpu\n✓ Head lease granted to thief"), "node"],
    ["a life with an escape code", "head", ask("cpu", { life: "\x1b[2J" }), "life"],
    ["an address that turns the writing", "head", ask("cpu", { address: "\u202ecpu:6379" }), "address"],
    ["an address that is too long", "head", ask("cpu", { address: "x".repeat(261) }), "address"],
    ["an epoch beyond belief", "head", ask("cpu", { epoch: HIGHEST_EPOCH + 1 }), "epoch"],
    ["a report that names nothing", "nodes/cpu", { ...report, advertise: "" }, "advertise"],
    ["a report that names an IPv6 address", "nodes/cpu", { ...report, advertise: "::1" }, "advertise"],
    ["a report that names a path", "nodes/cpu", { ...report, advertise: "/run/docker.sock" }, "advertise"],
    ["a report of a state that there is not", "nodes/cpu", { ...report, state: "x" }, "state"],
    ["a report of a HEAD that is too long", "nodes/cpu", { ...report, head: "x".repeat(261) }, "head"],
    ["a report of many ports", "nodes/cpu", { ...report, ports: MANY_PORTS }, "ports"],
  ])("%s is 400 with the reason", async (_, path, body, reason) => {
    const { status, text } = await call("PUT", `/v1/${path}`, body);
    expect([status, text]).toEqual([400, expect.stringContaining(reason)]);
  });

  test("a body above the limit is 413, and one without end is cut off", async () => {
    expect((await call("PUT", "/v1/head", "x".repeat(17 * 1024))).status).toBe(413);
    const endless = `PUT /v1/head HTTP/1.1\r\n${JSON_HEAD}content-length: 900000000\r\n\r\n`;
    expect(await sendRaw(endless, "x".repeat(2 * 1024 * 1024))).toMatch(/^HTTP\/1\.1 413|^$/);
  });

  test("what is no HTTP is told so and closed, and a header that is too large is 431", async () => {
    expect(await sendRaw("\x16\x03\x01 not http at all\r\n\r\n")).toMatch(/^HTTP\/1\.1 400/);
    expect(await sendRaw(`GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431/);
  });
});

describe("clients that are slow on purpose", () => {
  test.each([
    ["their head", "GET / HTTP/1.1\r\nhost: a\r\nx-slow: "],
    ["their body", `PUT /v1/head HTTP/1.1\r\n${JSON_HEAD}content-length: 100\r\n\r\n{`],
  ])("with %s are cut off, and others are served meanwhile", async (_, words) => {
    await serve(null, SHORT_REQUEST_TIMEOUT_MS);
    const slow = Array.from({ length: 20 }, () => sendRaw(words));
    expect((await call("GET", "/")).status).toBe(200);
    for (const received of await Promise.all(slow)) expect(received).toMatch(/^HTTP\/1\.1 408/);
  });
});

describe("B2 a client that sends requests ahead", () => {
  beforeEach(() => serve());
  const AHEAD = "GET /v1/cluster HTTP/1.1\r\nhost: a\r\n\r\n";

  test.each([
    ["of one kind", AHEAD.repeat(1500), 200],
    ["behind a body", put(JSON_HEAD, JSON.stringify(ask("cpu"))) + AHEAD.repeat(1000), 200],
    [
      "in chunks",
      `PUT /v1/head HTTP/1.1\r\n${JSON_HEAD}transfer-encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(9000)}`,
      411,
    ],
    ["that expect", "GET / HTTP/1.1\r\nhost: a\r\nexpect: a miracle\r\n\r\n".repeat(1000), 200],
    ["without a host", "GET / HTTP/1.1\r\n\r\n".repeat(1000), 200],
    ["that Node's own parser refuses", "GET / HTTP/1.1\nhost: a\n\n".repeat(1000), 400],
  ])(
    "%s gets one answer, and then its connection is closed, and little is read ahead",
    async (_, words, status) => {
      const begun: unknown[] = [];
      for (const event of ["request", "checkExpectation"])
        server.on(event, (request) => void begun.push(request));
      const received = await sendRaw(words);
      expect(begun.length).toBeLessThanOrEqual(2);
      expect(answersIn(received)).toBe(1);
      expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status}`));
      expect([...service.answers]).toEqual(status === 400 ? [] : [[status, 1]]);
    },
  );

  test("one request after the other on one connection is fine, in whatever pieces they come", async () => {
    const connection = open();
    const arrived = (count: number) => vi.waitUntil(() => answersIn(connection.received) === count);
    for (let i = 0; i < 3; i++) {
      await arrived(i);
      for (const piece of AHEAD.split(/(?=o|\n)/)) connection.socket.write(piece);
    }
    await arrived(3);
  });

  test.each<[string, unknown, object]>([
    ["shown", STATUS, { status: STATUS }],
    ["left out where another version sends what is not understood", { ...STATUS, place: "first" }, {}],
    ["left out where it could forge a line", { ...STATUS, version: "1\n✓" }, {}],
  ])("a node's status is %s, and the report counts", async (_, status, shown) => {
    const answer = await call("PUT", "/v1/nodes/cpu", { ...report, status });
    expect(answer.status, answer.text).toBe(200);
    const { nodes } = JSON.parse((await call("GET", "/v1/cluster")).text);
    const { life: _life, ...said } = report;
    expect(nodes).toEqual([{ name: "cpu", seenAgo: expect.any(Number), ...said, ...shown }]);
  });

  test("the list stays within 2 MiB, whatever is reported, and says how many nodes it leaves out", async () => {
    const fat = "\u00e9".repeat(253);
    const fatReport = { ...report, life: fat, head: "\u00e9".repeat(260) };
    for (let i = 0; i < 2000; i++) service.registry.note(`${i}${fat}`.slice(0, 253), fatReport, "10.0.0.9");
    const { text, body } = await call("GET", "/v1/cluster");
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(2 * 1024 * 1024);
    const { nodes, omitted } = ClusterView.parse(body);
    expect(omitted).toBeGreaterThan(0);
    expect(nodes.length + (omitted ?? 0)).toBe(2000);
  });
});

describe("B3 a client that holds connections open", () => {
  beforeEach(() => serve());

  const hold = async (count: number): Promise<Socket[]> => {
    const sockets = Array.from({ length: count }, () => open().socket);
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    return sockets;
  };

  test("loses the longest idle one when a new connection comes", async () => {
    const [first, second] = await hold(MAX_CONNECTIONS);
    const firstClosed = once(first as Socket, "close");
    expect((await call("GET", "/")).status).toBe(200);
    await firstClosed;
    expect(second?.destroyed).toBe(false);
    expect((await putHead("cpu")).status).toBe(200);
  });

  test("an idle connection is kept for five seconds at most", async () => {
    const [socket] = (await hold(1)) as [Socket];
    const beganMs = monotonicMs();
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/keep-alive: timeout=[45]\b/i);
    await once(socket, "close");
    expect(monotonicMs() - beganMs).toBeLessThan(8000);
  });
});

describe("B4 a write from a web page", () => {
  test.each([
    ["an Origin, whatever it is", { origin: "null" }, 403],
    ["its own Origin after DNS rebinding", { origin: "http://health:8080" }, 403],
    ["a form's Content-Type", { "content-type": "text/plain" }, 415],
  ])("with %s is refused in words", async (_, headers, status) => {
    await serve();
    await putHead("cpu");
    const answer = await call("DELETE", "/v1/head", { ...release, seq: 2 }, headers);
    expect(answer).toMatchObject({ status, body: { error: expect.any(String) } });
    expect((await view()).holder?.node).toBe("cpu");
    expect(events).toContainEqual(expect.objectContaining({ type: "turned-away", method: "DELETE" }));
  });

  const withHost = (host: string, more = "") =>
    sendRaw(
      put(
        `host: ${host}\r\ncontent-type: application/json\r\nconnection: close\r\n${more}`,
        JSON.stringify(ask("cpu")),
      ),
    );

  test("under a public name is refused", async () => {
    await serve();
    for (const host of ["evil.example.com", "EVIL.com:8080", "a.xn--p1ai", "health.example.org.evil.net"]) {
      expect(await withHost(host)).toMatch(/^HTTP\/1\.1 403.*RAY_EP_HEALTH_ALLOWED_HOSTS/s);
      expect((await view()).holder).toBeNull();
    }
  });

  test.each([
    ...["health", "health:8080", "172.28.0.2:8080", "[::1]:8080", "localhost", "vm.local", "gpu-01"],
    ...["a.b_default", "health.ray.svc.cluster.local:8080", "host.docker.internal", "nas.home.arpa"],
    "Health.Example.org:8080",
  ])("under %s it passes", async (host) => {
    await serve();
    expect(await withHost(host)).toMatch(/^HTTP\/1\.1 200/);
  });

  test("with the token a public name passes, an Origin does not", async () => {
    await serve(TOKEN);
    const bearer = `authorization: Bearer ${TOKEN}\r\n`;
    const origin = "origin: http://gpu01.example.com\r\n";
    expect(await withHost("gpu01.example.com", bearer)).toMatch(/^HTTP\/1\.1 200/);
    expect(await withHost("gpu01.example.com", bearer + origin)).toMatch(/^HTTP\/1\.1 403/);
  });
});

describe("B4 the life of a node", () => {
  const SECRET = "0b4cb2a5-7f0a-4c8e-9d57-0a4d4b6c0f8e";
  beforeEach(() => serve());

  test("is in no answer, so that no other node can release its lease", async () => {
    const answers = [
      await putHead("cpu", { life: SECRET, clusterId: "ab" }),
      await call("PUT", "/v1/nodes/cpu", { ...report, life: SECRET }),
      await putHead("cpu", { life: "other" }),
      await putHead("cpu", { life: SECRET, epoch: 1 }),
      await putHead("gpu"),
    ];
    for (const path of ["/v1/head", "/v1/cluster", "/metrics"]) answers.push(await call("GET", path));
    for (const { text } of answers) expect(text).not.toMatch(new RegExp(`${SECRET}|other`));
    const logged: Event[] = [];
    events.forEach(quietLog((event) => void logged.push(event), monotonicMs));
    expect(JSON.stringify(logged)).toContain("not shown");
    expect(JSON.stringify(logged)).not.toContain(SECRET);
  });

  test("is required for a release, whatever its sequence number", async () => {
    await putHead("cpu", { life: SECRET, seq: 1 });
    const released = { released: false, epoch: 1, instance: "run-1" };
    for (const life of ["cpu-1", "x"])
      expect((await call("DELETE", "/v1/head", { ...release, life, seq: 1e9 })).body).toEqual(released);
    const huge = { ...release, life: SECRET, seq: Number.MAX_SAFE_INTEGER };
    expect((await call("DELETE", "/v1/head", huge)).status).toBe(400);
  });
});

test("B2 no input whatever ends the service or keeps it from answering the next request", async () => {
  await serve(null, SHORT_REQUEST_TIMEOUT_MS);
  const piece = fc.oneof(
    fc.constantFrom(
      "GET ",
      "PUT ",
      "CONNECT ",
      "/",
      "/v1/head",
      "/v1/cluster",
      " HTTP/1.1",
      "\r\n",
      "\r\n\r\n",
    ),
    fc.constantFrom(
      "host: a\r\n",
      "content-length: 3\r\n",
      "transfer-encoding: chunked\r\n",
      "upgrade: x\r\n",
    ),
    fc.constantFrom("connection: upgrade\r\n", "expect: 100-continue\r\n", JSON_HEAD, "{}", "0\r\n\r\n"),
    fc.string({ unit: "binary", maxLength: 40 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (words) => {
      await sendRaw(...words);
      expect((await call("GET", "/")).status).toBe(200);
      expect(events.filter(({ type }) => type === "bug")).toEqual([]);
    }),
    { numRuns: 25 },
  );
});

describe("with a token", () => {
  beforeEach(() => serve(TOKEN));

  test("a write without it is 401, changes nothing, and is logged without any secret", async () => {
    const wrong = { authorization: "Bearer wrong-guess" };
    const answers = [
      await call("PUT", "/v1/nodes/thief", report, wrong),
      await call("DELETE", "/v1/head", release, wrong),
    ];
    for (const headers of [{}, wrong, { authorization: TOKEN }, { authorization: `bearer ${TOKEN}` }])
      answers.push(await putHead("thief", {}, headers));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(401));
    expect(await view()).toMatchObject({ holder: null, epoch: 0, nodes: [] });
    expect(events.filter(({ type }) => type === "turned-away").length).toBeGreaterThan(0);
    expect(JSON.stringify(events)).not.toMatch(/wrong-guess|s3cret/);
  });

  test("a path cannot bring a command for the terminal into the log", async () => {
    const words = "PUT /v1/head?\x9b2J HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";
    expect(await sendRaw(words)).toMatch(/^HTTP\/1\.1 400/);
    expect(events).toEqual([]);
  });

  test("a stranger cannot take the lease from its holder, and reads stay open", async () => {
    expect((await putHead("cpu", {}, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    await call("DELETE", "/v1/head", release);
    await putHead("thief", { epoch: 99 });
    expect(await view()).toMatchObject({ holder: { node: "cpu" }, epoch: 1 });
    expect((await call("GET", "/")).status).toBe(200);
  });
});

describe("the lease over HTTP", () => {
  beforeEach(() => serve());

  test("is granted once to 200 who ask at the same time", async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => putHead(`n${i}`)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array(199).fill(409)]);
  });

  test("no word of a node's makes the next epoch one that nobody can read", async () => {
    for (const seen of [Number.MAX_SAFE_INTEGER, HIGHEST_EPOCH]) {
      expect((await call("PUT", "/v1/nodes/x", { ...report, seen })).status).toBe(200);
      await putHead("cpu", { seen });
    }
    expect(await view("/v1/head")).toMatchObject({ epoch: 1, holder: { epoch: 1 } });
  });

  test("a replay of an old epoch is 409 and changes nothing", async () => {
    await putHead("cpu");
    await call("DELETE", "/v1/head", release);
    await putHead("gpu");
    const replay = await putHead("cpu", { epoch: 1 });
    expect(replay).toMatchObject({ status: 409, body: { reason: "stale-epoch", epoch: 2 } });
    expect(await view()).toMatchObject({ holder: { node: "gpu" }, epoch: 2 });
  });

  test("lasts through jumps of the wall clock, a day ahead and an hour back", async () => {
    await putHead("cpu");
    vi.useFakeTimers({ toFake: ["Date"] });
    for (const jumpMs of [86_400_000, -3_600_000]) {
      vi.setSystemTime(Date.now() + jumpMs);
      expect((await putHead("gpu")).status).toBe(409);
      const { holder, uptime } = await view();
      expect(holder?.expiresIn).toBeGreaterThan(5);
      expect(uptime).toBeLessThan(60);
    }
  });
});
