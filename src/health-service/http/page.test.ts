import { once } from "node:events";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { clusterStore, EMPTY_CLUSTER } from "../../../test/fixtures/cluster-store.ts";
import { monotonicMs, pause } from "../../common/deadline.ts";
import { readEnvironment } from "../../common/environment.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { KeptMember } from "../cluster/cluster-state.ts";
import type { ClusterStore } from "../cluster/cluster-store.ts";
import { digestOf } from "../cluster/secrets.ts";
import { VARIABLES } from "../config.ts";
import { Service } from "../service.ts";
import { createHealthServer } from "./server.ts";

const log = () => {};
const memory = { file: null, recalled: { kind: "none" } } as const;
let server: ReturnType<typeof createHealthServer>;
let cluster: Cluster | undefined;

async function serve(env: Record<string, string> = {}): Promise<Service> {
  const config = readEnvironment(VARIABLES, env).values;
  const around = { now: monotonicMs, pause, log, cluster };
  const service = new Service({ version: "1.2.3", instance: "run-1", config, ...memory, ...around });
  server = createHealthServer(service);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return service;
}
afterEach(() => {
  server.closeAllConnections();
  server.close();
  cluster = undefined;
});

const port = () => (server.address() as AddressInfo).port;
/** `fetch` sets Origin and Accept by itself. */
async function call(method: string, path: string, headers: Record<string, string> = {}, body?: object) {
  const text = body && JSON.stringify(body);
  const json = text && { "content-type": "application/json", "content-length": text.length };
  const at = {
    port: port(),
    host: "127.0.0.1",
    agent: false,
    method,
    path,
    headers: { ...json, ...headers },
  };
  const outgoing = request(at).end(text);
  const [answer] = await once(outgoing, "response");
  const chunks = await answer.toArray();
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks).toString() };
}
const beginSession = (token: string, origin: string) => call("POST", "/v1/session", { origin }, { token });
const own = () => `http://127.0.0.1:${port()}`;
const cookieOf = ({ headers }: Awaited<ReturnType<typeof call>>) => {
  const [cookie = ""] = headers["set-cookie"] ?? [];
  return { text: cookie, headers: { cookie: `a=b; ${cookie.split(";")[0]}` } };
};

describe("GET /", () => {
  beforeEach(() => serve());

  test.each([undefined, "*/*", "text/plain, */*;q=0.5", "application/json"])(
    "is 200 OK as ever for who asks for %s",
    async (accept) => {
      const { status, headers, body } = await call("GET", "/", accept ? { accept } : {});
      const { date: _, ...sent } = headers;
      expect([status, body, sent]).toEqual([
        ...[200, "OK"],
        { "content-type": "text/plain; charset=utf-8", "content-length": "2", connection: "close" },
      ]);
    },
  );

  test("is the page for a browser, which may take nothing from anywhere else", async () => {
    const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    expect(await call("GET", "/", { accept })).toMatchObject({
      status: 200,
      body: "<p>",
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "none",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
      },
    });
  });
});

test("many who ask at once what is long are answered together", async () => {
  const nodes = vi.spyOn(await serve(), "nodes");
  const all = await Promise.all(Array.from({ length: 20 }, () => call("GET", "/v1/prometheus-targets")));
  for (const { status, headers, body } of all)
    expect([status, headers["content-type"], body]).toEqual([200, "application/json", "[]\n"]);
  expect(nodes.mock.calls.length).toBeLessThan(4);
});

test("the stream says that it is alive, so that a page notices a connection that is not", async () => {
  await serve();
  const [answer] = await once(request(`${own()}/v1/stream`, { agent: false }).end(), "response");
  let text = "";
  answer.on("data", (chunk: Buffer) => (text += chunk)).on("error", () => {});
  await expect.poll(() => text, { timeout: 3000 }).toContain("event: alive\ndata: 1\n\n");
});

test("with a health token, only it begins a session, and only for a page of the service itself", async () => {
  await serve({ RAY_EP_HEALTH_TOKEN: "s3cret" });
  expect((await beginSession("s3cret", "http://evil.example")).status).toBe(403);
  expect((await beginSession("guess", own())).status).toBe(401);
  const begun = await beginSession("s3cret", own());
  expect([begun.status, cookieOf(begun).text]).toEqual([
    200,
    expect.stringMatching(/^ray-ep-session=[\w-]{32}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/),
  ]);
  const node = { node: "a", life: "a", epoch: 1 };
  expect((await call("DELETE", "/v1/head", cookieOf(begun).headers, node)).status).toBe(401);
});

const memberOf = (name: string, credential: string): KeptMember => ({
  ...{ name, address: "10.0.0.1", candidate: true, joinedAtMs: 0, joinedBy: digestOf("t") },
  credential: digestOf(credential),
});

describe("in a cluster of members a session", () => {
  let service: Service;
  let store: ClusterStore;
  beforeEach(async () => {
    store = clusterStore({ ...EMPTY_CLUSTER, members: [memberOf("m1", "c-1"), memberOf("m2", "c-2")] });
    cluster = new Cluster({
      store,
      admin: "admin",
      now: monotonicMs,
      wallNow: Date.now,
      graceMs: 0,
      log,
    });
    service = await serve();
  });

  test("of a member reads, until it is removed, and does nothing else", async () => {
    expect((await call("GET", "/v1/cluster")).status).toBe(401);
    const begun = await beginSession("m1:c-1", own());
    const { text, headers } = cookieOf(begun);
    expect(text).toMatch(/; Secure$/);
    const tries = [
      ["GET", "/v1/cluster", 200],
      ["GET", "/v1/members", 200],
      ["GET", "/v1/ray-token", 403],
      ["DELETE", "/v1/members/m1", 401],
      ["POST", "/v1/tokens", 401],
    ] as const;
    for (const [method, path, status] of tries) {
      const body = method === "POST" ? { expiresInS: 1, once: true } : undefined;
      expect([path, (await call(method, path, headers, body)).status]).toEqual([path, status]);
    }
    expect(cluster?.callers.heardAgoMs("m1")).toBeNull();
    await cluster?.remove("m1", "the admin", false);
    expect((await call("GET", "/v1/cluster", headers)).status).toBe(401);
  });

  test("that ends, ends the stream that it reads, too", async () => {
    const { headers } = cookieOf(await beginSession("m1:c-1", own()));
    const [answer] = await once(request(`${own()}/v1/stream`, { agent: false, headers }).end(), "response");
    expect(answer.statusCode).toBe(200);
    answer.resume().on("error", () => {});
    for (let i = 0; i < 1000; i++) service.sessions.begin("another");
    await expect.poll(() => answer.destroyed, { timeout: 3000 }).toBe(true);
  });

  test.each([
    ["was removed", [memberOf("m2", "c-2")], { kind: "removed", by: "the admin" }],
    [
      "has another machine in its place",
      [memberOf("m1", "c-3"), memberOf("m2", "c-2")],
      { kind: "joined", address: "10.0.0.3", candidate: false },
    ],
  ] as const)(
    "and a stream of a member end at once when it %s, and no other one",
    async (_, members, event) => {
      const read = async (headers: Record<string, string>) => {
        const [answer] = await once(
          request(`${own()}/v1/stream`, { agent: false, headers }).end(),
          "response",
        );
        const said = { answer, text: "" };
        answer.on("data", (chunk: Buffer) => (said.text += chunk)).on("error", () => {});
        await expect.poll(() => said.text).toContain("event: cluster");
        return said;
      };
      const { headers } = cookieOf(await beginSession("m1:c-1", own()));
      const as = (authorization: string) => ({ authorization: `Bearer ${authorization}` });
      const gone = [await read(headers), await read(as("m1:c-1"))];
      const others = [await read(as("m2:c-2")), await read(as("admin"))];
      await store.inLine(() => store.keep({ ...store.state, members: [...members] }));
      service.history.note({ ...event, node: "m1" });
      for (const said of others) await expect.poll(() => said.text).toContain(`"kind":"${event.kind}"`);
      for (const said of gone) {
        await expect.poll(() => said.answer.destroyed).toBe(true);
        expect(said.text).not.toContain(`"kind":"${event.kind}"`);
      }
      for (const { answer } of others) expect(answer.destroyed).toBe(false);
    },
  );

  test("is begun by the admin's secret, and not by a guess", async () => {
    expect([
      (await beginSession("admin", own())).status,
      (await beginSession("m1:c-2", own())).status,
    ]).toEqual([200, 401]);
  });
});
