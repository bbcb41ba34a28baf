import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { servePage } from "../../src/ws/machine/page-proxy.ts";
import { MemberService } from "../fixtures/members.ts";

const service = new MemberService();
let bearer: string;
let ending: AbortController;
/** What `ws open` prints. */
let shown: URL;
beforeAll(async () => {
  await service.start();
  bearer = (await service.join("m1")).as;
});
afterAll(() => service.remove());
beforeEach(async () => {
  ending = new AbortController();
  const services = ["127.0.0.1:1", `127.0.0.1:${service.port}`];
  const { url } = await servePage({ services, ca: service.read("ca.crt"), bearer }, ending.signal);
  shown = new URL(url);
});
afterEach(() => ending.abort());

/** The beginning of an answer, which may have no end. */
async function begin(method: string, path: string, headers: Record<string, string> = {}, body = "") {
  const { port, hostname: host } = shown;
  const length = { "content-length": String(body.length) };
  const sending = request({ host, port, agent: false, method, path, headers: { ...length, ...headers } });
  const [answer] = (await once(sending.end(body), "response")) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, answer, sending };
}
async function call(...asked: Parameters<typeof begin>) {
  const begun = await begin(...asked);
  return { ...begun, body: Buffer.concat(await begun.answer.toArray()).toString() };
}
const enter = (token: string, origin = shown.origin) =>
  call("POST", "/v1/session", { origin, "content-type": "application/json" }, JSON.stringify({ token }));
const code = () => shown.hash.replace("#code=", "");
async function cookie() {
  const { headers } = await enter(code());
  const [set = ""] = headers["set-cookie"] ?? [];
  expect(set).toMatch(/^ray-ep-\d+=[\w-]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
  return { cookie: set.split(";")[0] ?? "" };
}

test("one browser gets a session for the code of the address, once, and reads the cluster by it", async () => {
  expect((await call("GET", "/", { accept: "text/html" })).headers["content-security-policy"]).toContain(
    "sha256-",
  );
  expect((await call("GET", "/v1/cluster")).status).toBe(401);
  expect((await enter("guess")).status).toBe(401);
  expect((await enter(code(), "http://evil.example")).status).toBe(403);
  const session = await cookie();
  expect((await enter(code())).status).toBe(401);
  const { status, body } = await call("GET", "/v1/cluster", session);
  expect([status, JSON.parse(body)]).toMatchObject([200, { service: "ray-entrypoint-health", nodes: [] }]);
  expect(body).not.toContain(bearer.split(":")[1]);
});

test("the stream comes as it is written, and ends with the program", async () => {
  const { answer, headers } = await begin("GET", "/v1/stream?after=0", await cookie());
  expect(headers["content-type"]).toBe("text/event-stream");
  let text = "";
  answer.on("data", (chunk) => (text += chunk)).on("error", () => {});
  await expect.poll(() => text).toContain("event: cluster\ndata: {");
  ending.abort();
  await expect.poll(() => answer.closed).toBe(true);
});

test("a browser that goes away before the service answers leaves no stream open", async () => {
  ending.abort();
  ending = new AbortController();
  const slow = new Set<Socket>();
  const between = createServer((socket) => {
    const onward = connect(service.port, "127.0.0.1").on("error", () => {});
    onward.on("close", () => socket.destroy());
    slow.add(socket.on("error", () => {}));
    socket.on("close", () => slow.delete(socket) && onward.destroy());
    setTimeout(() => socket.pipe(onward).pipe(socket), 300);
  });
  await once(between.listen(0, "127.0.0.1"), "listening");
  const services = [`127.0.0.1:${(between.address() as AddressInfo).port}`];
  shown = new URL((await servePage({ services, ca: service.read("ca.crt"), bearer }, ending.signal)).url);
  const { port, hostname: host } = shown;
  const headers = await cookie();
  expect((await call("GET", "/v1/head", headers)).status).toBe(200);
  await expect.poll(() => slow.size, { timeout: 8000 }).toBe(0);
  const gone = request({ host, port, agent: false, path: "/v1/stream?after=0", headers });
  gone.on("error", () => {}).end();
  await expect.poll(() => slow.size).toBe(1);
  gone.destroy();
  await expect.poll(() => slow.size, { timeout: 8000 }).toBe(0);
  between.close();
});

test("nothing is written, no secret of the candidate is read, and no other name is answered", async () => {
  const session = await cookie();
  const json = { ...session, origin: shown.origin, "content-type": "application/json" };
  const tries = [
    ["GET", "/v1/replica?service=a:1&term=1", session, 404],
    ["GET", "/v1/nodes/../members", session, 404],
    ["GET", "/v1/members", session, 404],
    // A URL takes \ for /.
    ["GET", "/v1/nodes/..\\ray-token?/log", session, 404],
    ["GET", "/v1/nodes/..\\ray-token#/log", session, 404],
    ["GET", "/v1/nodes/..?/log", session, 404],
    ["POST", "/v1/tokens", json, 404],
    ["DELETE", "/v1/members/m1", json, 404],
    ["GET", "/", { ...session, host: "evil.example" }, 403],
  ] as const;
  for (const [method, path, headers, status] of tries)
    expect([path, (await call(method, path, headers, method === "GET" ? "" : "{}")).status]).toEqual([
      path,
      status,
    ]);
});

test("where no service answers it says so", async () => {
  ending.abort();
  ending = new AbortController();
  const { url } = await servePage(
    { services: ["127.0.0.1:1"], ca: service.read("ca.crt"), bearer },
    ending.signal,
  );
  shown = new URL(url);
  const { status, body } = await call("GET", "/v1/head", await cookie());
  expect([status, body]).toEqual([502, expect.stringContaining("127.0.0.1:1: connection refused")]);
});
