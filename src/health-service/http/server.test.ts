import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { statusOf } from "../../../test/fixtures/status.ts";
import { monotonicMs } from "../../common/deadline.ts";
import {
  ClusterView,
  HIGHEST_EPOCH,
  type LeaseRequest,
  type NodeReport,
} from "../../common/lease-protocol.ts";
import { type Event, withoutLife } from "../output/event.ts";
import { Service } from "../service.ts";
import { createHealthServer } from "./server.ts";

/** As start.ts has it: on a busy machine a shorter one answers honest requests with 408. */
const REQUEST_TIMEOUT_MS = 5000;
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
async function serve(token: string | null = null, requestTimeoutMs = REQUEST_TIMEOUT_MS): Promise<void> {
  events = [];
  const log = (event: Event) => void events.push(event);
  const config = { ttlMs: 15_000, whitelist: null, token };
  const memory = { file: null, recalled: { kind: "none" } } as const;
  service = new Service({ version: "1.2.3", instance: "run-1", config, ...memory, now: monotonicMs, log });
  const limits = { requestTimeoutMs, maxConnections: MAX_CONNECTIONS };
  server = createHealthServer({ service, token, log, ...limits, hosts: ["health.example.org"] });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}

const JSON_HEAD = "host: a\r\ncontent-type: application/json\r\n";
const JSON_TYPE = { "content-type": "application/json" };
const port = (): number => (server.address() as AddressInfo).port;

function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  return fetch(`http://127.0.0.1:${port()}${path}`, {
    method,
    headers: { connection: "close", ...(text === undefined ? {} : JSON_TYPE), ...headers },
    ...(text === undefined ? {} : { body: text }),
  });
}

const ask = (node: string, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  node,
  life: `${node}-1`,
  address: `${node}:6379`,
  clusterId: null,
  epoch: null,
  others: "answered",
  ...more,
});

const report: NodeReport = {
  life: "cpu-1",
  role: "head",
  state: "watching",
  head: "cpu:6379",
  advertise: "cpu",
  nodeManagerPort: 20000,
};

const STATUS = statusOf("cpu", []);

/** Sends words as they are, and reads until the far end closes. */
async function sendRaw(...words: string[]): Promise<string> {
  const socket = connect(port(), "127.0.0.1");
  openSockets.push(socket);
  let heard = "";
  socket.on("data", (chunk) => {
    heard += chunk;
  });
  socket.on("error", () => {});
  // Not `once`: it rejects on an error, and to be cut off is what some tests wait for.
  const closed = new Promise((resolve) => socket.on("close", resolve));
  for (const word of words) socket.write(word);
  await closed;
  return heard;
}

afterEach(async () => {
  vi.useRealTimers();
  for (const socket of openSockets.splice(0)) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe("reads", () => {
  beforeEach(() => serve());

  test("GET / is 200 OK, also with a query, and HEAD / is the same without its body", async () => {
    const answer = await call("GET", "/");
    expect([answer.status, await answer.text()]).toEqual([200, "OK"]);
    expect((await call("GET", "/?from=compose")).status).toBe(200);
    const head = await call("HEAD", "/");
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "2", ""]);
  });

  test("GET /v1/cluster shows the lease and the nodes in the form of the protocol", async () => {
    await call("PUT", "/v1/head", ask("cpu", { clusterId: "abc" }));
    await call("PUT", "/v1/nodes/cpu", report);
    const view = ClusterView.parse(await (await call("GET", "/v1/cluster")).json());
    expect(view).toMatchObject({ version: "1.2.3", instance: "run-1", ttl: 15, epoch: 1 });
    expect(view.holder).toMatchObject({ node: "cpu", address: "cpu:6379", clusterId: "abc", epoch: 1 });
    expect(view.holder?.expiresIn).toBeGreaterThan(5);
    expect(view.nodes).toMatchObject([{ name: "cpu", role: "head", state: "watching" }]);
  });

  test("GET /v1/head is the same without the nodes, and short however many report", async () => {
    await call("PUT", "/v1/head", ask("cpu", { clusterId: "abc" }));
    for (let i = 0; i < 50; i++) await call("PUT", `/v1/nodes/n${i}`, report);
    const text = await (await call("GET", "/v1/head")).text();
    expect(ClusterView.parse(JSON.parse(text))).toMatchObject({
      epoch: 1,
      holder: { node: "cpu" },
      nodes: [],
    });
    expect(text.length).toBeLessThan(1000);
  });

  test("GET /metrics is text for Prometheus, and a name from the network cannot break a line of it", async () => {
    await call("PUT", "/v1/head", ask('evil"\\name'));
    const answer = await call("GET", "/metrics");
    expect(answer.headers.get("content-type")).toContain("version=0.0.4");
    const lines = (await answer.text()).trimEnd().split("\n");
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
    const answer = await call(method, path);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allow]);
  });

  test.each([
    "/nothing",
    "/v1",
    "/v1/head/",
    "/v1/nodes/",
    "/v1/nodes/a/b",
    "/v1/nodes/%ff",
    "/__proto__",
    "//",
  ])("%s is 404", async (path) => {
    expect((await call("GET", path)).status).toBe(404);
  });

  test.each([
    ["no JSON", "{", "expected a JSON object"],
    ["an empty body", "", "got an empty body"],
    ["a list", "[]", "body"],
    ["a missing field", { node: "cpu" }, "life"],
    ["a wrong type", ask("cpu", { epoch: "1" as unknown as number }), "epoch"],
    ["a negative epoch", ask("cpu", { epoch: -1 }), "epoch"],
    ["an empty name", ask(""), "node"],
    ["a name that is too long", ask("x".repeat(254)), "node"],
    ["a name with a line break", ask("cpu\n✓ Head lease granted to thief"), "node"],
    ["a life with an escape code", ask("cpu", { life: "\x1b[2J" }), "life"],
    ["an address that turns the writing", ask("cpu", { address: "\u202ecpu:6379" }), "address"],
    ["an address that is too long", ask("cpu", { address: "x".repeat(261) }), "address"],
    ["an epoch beyond belief", ask("cpu", { epoch: HIGHEST_EPOCH + 1 }), "epoch"],
  ])("%s is 400 with the reason", async (_, body, reason) => {
    const answer = await call("PUT", "/v1/head", body);
    expect(answer.status).toBe(400);
    expect(JSON.stringify(await answer.json())).toContain(reason);
  });

  test.each([
    ["nothing", { advertise: "" }, "advertise"],
    ["an IPv6 address", { advertise: "::1" }, "advertise"],
    ["a path", { advertise: "/run/docker.sock" }, "advertise"],
    ["a state that there is not", { state: "x" as NodeReport["state"] }, "state"],
    ["a HEAD that is too long", { head: "x".repeat(261) }, "head"],
    ["many ports", { ports: Array.from({ length: 5 }, (_, i) => 20_000 + i) }, "ports"],
  ])("a report that names %s is 400 with the reason", async (_, more, field) => {
    const answer = await call("PUT", "/v1/nodes/cpu", { ...report, ...more });
    expect(answer.status).toBe(400);
    expect(JSON.stringify(await answer.json())).toContain(field);
  });

  test("a node's name with a line break in its path is 404", async () => {
    expect((await call("PUT", "/v1/nodes/cpu%0afake", report)).status).toBe(404);
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
  beforeEach(() => serve(null, SHORT_REQUEST_TIMEOUT_MS));

  test.each([
    ["their head", "GET / HTTP/1.1\r\nhost: a\r\nx-slow: "],
    ["their body", `PUT /v1/head HTTP/1.1\r\n${JSON_HEAD}content-length: 100\r\n\r\n{`],
  ])("with %s are cut off, and others are served meanwhile", async (_, words) => {
    const slow = Array.from({ length: 20 }, () => sendRaw(words));
    expect((await call("GET", "/")).status).toBe(200);
    for (const heard of await Promise.all(slow)) expect(heard).toMatch(/^HTTP\/1\.1 408/);
  });
});

describe("B2 a client that sends requests ahead", () => {
  beforeEach(() => serve());

  const AHEAD = "GET /v1/cluster HTTP/1.1\r\nhost: a\r\n\r\n";

  test("gets one answer, and then its connection is closed", async () => {
    const heard = await sendRaw(AHEAD.repeat(1500));
    expect(heard.match(/^HTTP\/1\.1 200/gm)).toHaveLength(1);
    expect(service.answers.get(200)).toBe(1);
  });

  test("… also behind a body, and behind one that is refused", async () => {
    const body = JSON.stringify(ask("cpu"));
    const put = `PUT /v1/head HTTP/1.1\r\n${JSON_HEAD}content-length: ${body.length}\r\n\r\n${body}`;
    expect((await sendRaw(put + AHEAD.repeat(1000))).match(/^HTTP/gm)).toHaveLength(1);
    const chunks = `PUT /v1/head HTTP/1.1\r\n${JSON_HEAD}transfer-encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(9000)}`;
    expect(await sendRaw(chunks)).toMatch(/^HTTP\/1\.1 411/);
    const unknown = "GET / HTTP/1.1\r\nhost: a\r\nexpect: a miracle\r\n\r\n";
    expect((await sendRaw(unknown.repeat(1000))).match(/^HTTP/gm)).toHaveLength(1);
    const bare = "GET / HTTP/1.1\r\n\r\n";
    expect((await sendRaw(bare.repeat(1000))).match(/^HTTP/gm)).toHaveLength(1);
    expect((await sendRaw("GET / HTTP/1.1\nhost: a\n\n".repeat(1000))).match(/^HTTP/gm)).toHaveLength(1);
  });

  test("one request after the other on one connection is fine, in whatever pieces they come", async () => {
    const words = AHEAD.repeat(3).split(/(?=G|o|\n)/);
    const socket = connect(port(), "127.0.0.1");
    openSockets.push(socket);
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk;
    });
    let answered = 0;
    for (const word of words) {
      if (word.startsWith("GET"))
        await vi.waitUntil(() => heard.split("HTTP/1.1 200").length - 1 === answered);
      socket.write(word);
      if (word.startsWith("GET")) answered += 1;
    }
    await vi.waitUntil(() => heard.split("HTTP/1.1 200").length - 1 === 3);
  });

  test.each<[string, unknown, object]>([
    ["shown", STATUS, { status: STATUS }],
    ["left out where another version sends what is not understood", { ...STATUS, place: "first" }, {}],
    ["left out where it could forge a line", { ...STATUS, version: "1\n✓" }, {}],
  ])("a node's status is %s, and the report counts", async (_, status, shown) => {
    const answer = await call("PUT", "/v1/nodes/cpu", { ...report, status });
    expect(answer.status, await answer.text()).toBe(200);
    const { nodes } = JSON.parse(await (await call("GET", "/v1/cluster")).text());
    const { life: _life, ...said } = report;
    expect(nodes).toEqual([{ name: "cpu", seenAgo: expect.any(Number), ...said, ...shown }]);
  });

  test("the list stays within 1 MiB, whatever is reported, and says how many nodes it leaves out", async () => {
    const fat = "\u00e9".repeat(253);
    const fatReport = { ...report, life: fat, head: "\u00e9".repeat(260) };
    for (let i = 0; i < 1200; i++) service.registry.note(`${i}${fat}`.slice(0, 253), fatReport, "10.0.0.9");
    const text = await (await call("GET", "/v1/cluster")).text();
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024 * 1024);
    const { nodes, omitted } = ClusterView.parse(JSON.parse(text));
    expect(omitted).toBeGreaterThan(0);
    expect(nodes.length + (omitted ?? 0)).toBe(1200);
  });
});

describe("B3 a client that holds connections open", () => {
  beforeEach(() => serve());

  const hold = async (count: number): Promise<Socket[]> => {
    const sockets = Array.from({ length: count }, () => connect(port(), "127.0.0.1"));
    openSockets.push(...sockets);
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    return sockets;
  };

  test("loses the longest idle one when a new connection comes", async () => {
    const [first, second] = await hold(MAX_CONNECTIONS);
    const firstClosed = once(first as Socket, "close");
    expect((await call("GET", "/")).status).toBe(200);
    await firstClosed;
    expect(second?.destroyed).toBe(false);
    expect((await call("PUT", "/v1/head", ask("cpu"))).status).toBe(200);
  });

  test("an idle connection is kept for five seconds at most", async () => {
    const [socket] = await hold(1);
    const began = monotonicMs();
    socket?.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const [answer] = await once(socket as Socket, "data");
    expect(String(answer)).toMatch(/keep-alive: timeout=[45]\b/i);
    socket?.resume();
    await once(socket as Socket, "close");
    expect(monotonicMs() - began).toBeLessThan(8000);
  });
});

describe("B4 a write from a web page", () => {
  const release = { node: "cpu", life: "cpu-1", epoch: 1, seq: 2 };
  const held = async () => ClusterView.parse(await (await call("GET", "/v1/head")).json()).holder?.node;

  test.each([
    ["an Origin, whatever it is", { origin: "null" }, 403],
    ["its own Origin after DNS rebinding", { origin: "http://health:8080" }, 403],
    ["a form's Content-Type", { "content-type": "text/plain" }, 415],
  ])("with %s is refused in words", async (_, headers, status) => {
    await serve();
    await call("PUT", "/v1/head", ask("cpu"));
    const answer = await call("DELETE", "/v1/head", release, headers);
    expect([answer.status, await answer.json()]).toEqual([status, { error: expect.any(String) }]);
    expect(await held()).toBe("cpu");
    expect(events).toContainEqual(expect.objectContaining({ type: "turned-away", method: "DELETE" }));
  });

  const withHost = (host: string, more = "") => {
    const body = JSON.stringify(ask("cpu"));
    const head = `host: ${host}\r\ncontent-type: application/json\r\nconnection: close\r\n${more}`;
    return sendRaw(`PUT /v1/head HTTP/1.1\r\n${head}content-length: ${body.length}\r\n\r\n${body}`);
  };

  test.each(["evil.example.com", "EVIL.com:8080", "a.xn--p1ai", "health.example.org.evil.net"])(
    "under the public name %s is refused",
    async (host) => {
      await serve();
      expect(await withHost(host)).toMatch(/^HTTP\/1\.1 403.*RAY_EP_HEALTH_ALLOWED_HOSTS/s);
      expect(await held()).toBeUndefined();
    },
  );

  test.each([
    ...[
      "health",
      "health:8080",
      "172.28.0.2:8080",
      "[::1]:8080",
      "localhost",
      "vm.local",
      "gpu-01",
      "a.b_default",
    ],
    ...[
      "health.ray.svc.cluster.local:8080",
      "host.docker.internal",
      "Health.Example.org:8080",
      "nas.home.arpa",
    ],
  ])("under %s it passes", async (host) => {
    await serve();
    expect(await withHost(host)).toMatch(/^HTTP\/1\.1 200/);
  });

  test("with the token a public name passes, an Origin does not", async () => {
    await serve(TOKEN);
    const bearer = `authorization: Bearer ${TOKEN}\r\n`;
    expect(await withHost("gpu01.example.com", bearer)).toMatch(/^HTTP\/1\.1 200/);
    expect(await withHost("gpu01.example.com", `${bearer}origin: http://gpu01.example.com\r\n`)).toMatch(
      /^HTTP\/1\.1 403/,
    );
  });
});

describe("B4 the life of a node", () => {
  const SECRET = "0b4cb2a5-7f0a-4c8e-9d57-0a4d4b6c0f8e";
  beforeEach(() => serve());

  test("is in no answer, so that no other node can release its lease", async () => {
    await call("PUT", "/v1/head", ask("cpu", { life: SECRET, clusterId: "ab" }));
    await call("PUT", "/v1/nodes/cpu", { ...report, life: SECRET });
    const namesake = await call("PUT", "/v1/head", ask("cpu", { life: "other" }));
    const renewal = await call("PUT", "/v1/head", ask("cpu", { life: SECRET, epoch: 1 }));
    const texts = [namesake, renewal, await call("PUT", "/v1/head", ask("gpu"))];
    for (const path of ["/v1/head", "/v1/cluster", "/metrics"]) texts.push(await call("GET", path));
    for (const each of texts) expect(await each.text()).not.toMatch(new RegExp(`${SECRET}|other`));
    expect(JSON.stringify(events.map(withoutLife))).not.toContain(SECRET);
  });

  test("is required for a release, whatever its sequence number", async () => {
    await call("PUT", "/v1/head", ask("cpu", { life: SECRET, seq: 1 }));
    for (const life of ["cpu-1", "x"])
      expect(
        await (await call("DELETE", "/v1/head", { node: "cpu", life, epoch: 1, seq: 1e9 })).json(),
      ).toEqual({ released: false, epoch: 1, instance: "run-1" });
    const huge = { node: "cpu", life: SECRET, epoch: 1, seq: Number.MAX_SAFE_INTEGER };
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
    for (const headers of [{}, wrong, { authorization: TOKEN }, { authorization: `bearer ${TOKEN}` }])
      expect((await call("PUT", "/v1/head", ask("thief"), headers)).status).toBe(401);
    expect((await call("PUT", "/v1/nodes/thief", report, wrong)).status).toBe(401);
    expect((await call("DELETE", "/v1/head", { node: "cpu", life: "cpu-1", epoch: 1 }, wrong)).status).toBe(
      401,
    );
    expect(await (await call("GET", "/v1/cluster")).json()).toMatchObject({
      holder: null,
      epoch: 0,
      nodes: [],
    });
    expect(events.filter(({ type }) => type === "turned-away").length).toBeGreaterThan(0);
    expect(JSON.stringify(events)).not.toMatch(/wrong-guess|s3cret/);
  });

  test("a path cannot bring a command for the terminal into the log", async () => {
    const words = "PUT /v1/head?\x9b2J HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";
    expect(await sendRaw(words)).toMatch(/^HTTP\/1\.1 400/);
    expect(events).toEqual([]);
  });

  test("a stranger cannot take the lease from its holder, and reads stay open", async () => {
    const bearer = { authorization: `Bearer ${TOKEN}` };
    expect((await call("PUT", "/v1/head", ask("cpu"), bearer)).status).toBe(200);
    await call("DELETE", "/v1/head", { node: "cpu", life: "cpu-1", epoch: 1 });
    await call("PUT", "/v1/head", ask("thief", { epoch: 99 }));
    expect(await (await call("GET", "/v1/cluster")).json()).toMatchObject({
      holder: { node: "cpu" },
      epoch: 1,
    });
    expect((await call("GET", "/")).status).toBe(200);
  });
});

describe("the lease over HTTP", () => {
  beforeEach(() => serve());

  test("is granted once to 200 who ask at the same time", async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => call("PUT", "/v1/head", ask(`n${i}`))),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 199 }, () => 409)]);
  });

  test("no word of a node's makes the next epoch one that nobody can read", async () => {
    for (const seen of [Number.MAX_SAFE_INTEGER, HIGHEST_EPOCH]) {
      expect((await call("PUT", "/v1/nodes/x", { ...report, seen })).status).toBe(200);
      await call("PUT", "/v1/head", ask("cpu", { seen }));
    }
    expect(await (await call("GET", "/v1/head")).json()).toMatchObject({ epoch: 1, holder: { epoch: 1 } });
  });

  test("a replay of an old epoch is 409 and changes nothing", async () => {
    await call("PUT", "/v1/head", ask("cpu"));
    await call("DELETE", "/v1/head", { node: "cpu", life: "cpu-1", epoch: 1 });
    await call("PUT", "/v1/head", ask("gpu"));
    const replay = await call("PUT", "/v1/head", ask("cpu", { epoch: 1 }));
    expect([replay.status, await replay.json()]).toMatchObject([409, { reason: "stale-epoch", epoch: 2 }]);
    expect(await (await call("GET", "/v1/cluster")).json()).toMatchObject({
      holder: { node: "gpu" },
      epoch: 2,
    });
  });

  test("lasts through jumps of the wall clock, a day ahead and an hour back", async () => {
    await call("PUT", "/v1/head", ask("cpu"));
    vi.useFakeTimers({ toFake: ["Date"] });
    for (const jumpMs of [86_400_000, -3_600_000]) {
      vi.setSystemTime(Date.now() + jumpMs);
      expect((await call("PUT", "/v1/head", ask("gpu"))).status).toBe(409);
      const { holder, uptime } = ClusterView.parse(await (await call("GET", "/v1/cluster")).json());
      expect(holder?.expiresIn).toBeGreaterThan(5);
      expect(uptime).toBeLessThan(60);
    }
  });
});
