import { createServer, type Server, type Socket } from "node:net";
import { HttpResponse, http } from "msw";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { granted, holder, leaseHealth, REQUEST, refusal } from "../../../test/fixtures/facts.ts";
import { MockService, SERVICE } from "../../../test/fixtures/mock-service.ts";
import type { HealthFact } from "../election/facts.ts";
import { type HealthClient, openHealthClient } from "./health-client.ts";

const MS = 5000;
const service = new MockService();
let client: HealthClient;

beforeAll(async () => {
  await service.open();
  client = openHealthClient(service.url, null);
});
afterEach(() => service.reset());
afterAll(() => service.close());

const view = (leaseHealth(holder("ray-cpu")) as Extract<HealthFact, { kind: "lease" }>).view;
const cluster = (answer: () => Response) => http.get(`${SERVICE}/v1/head`, answer);
const root = (answer: () => Response) => http.get(`${SERVICE}/`, answer);
const put = (answer: (request: Request) => Response | Promise<Response>) =>
  http.put(`${SERVICE}/v1/head`, ({ request }) => answer(request));
const text = (status: number, body: string) => () => new HttpResponse(body, { status });

describe("a look", () => {
  test("at a service that keeps the lease", async () => {
    service.use(cluster(() => HttpResponse.json(view)));
    expect(await client.look(MS)).toMatchObject({ kind: "lease", view });
  });

  test("at a service of an earlier version, which tells the lease under another path", async () => {
    const earlier = http.get(`${SERVICE}/v1/cluster`, () => HttpResponse.json(view));
    service.use(cluster(text(405, "")), earlier);
    expect(await client.look(MS)).toMatchObject({ kind: "lease", view });
  });

  test("fields that are not known yet are no trouble", async () => {
    service.use(cluster(() => HttpResponse.json({ ...view, moon: "full" })));
    expect((await client.look(MS)).kind).toBe("lease");
  });

  test.each([
    ["knows no such path", text(404, "not found")],
    ["answers everything with OK", text(200, "OK")],
    ["answers with other JSON", text(200, '{"service":"another"}')],
    ["answers with cut JSON", text(200, '{"service":"ray-entrypoint-hea')],
    ["fails there", text(500, "oops")],
    ["has nothing there now", text(503, "<html>Service Unavailable</html>")],
  ])("at a plain one that %s", async (_, answer) => {
    service.use(cluster(answer), root(text(200, "OK")));
    expect((await client.look(MS)).kind).toBe("plain");
  });

  test("at one that cannot say how the lease stands: it is no plain one", async () => {
    const said = () => HttpResponse.json({ error: "the store does not answer" }, { status: 503 });
    service.use(cluster(said), root(text(200, "OK")));
    const cause = "answers 503 the store does not answer";
    expect(await client.look(MS)).toMatchObject({ kind: "down", cause });
  });

  test.each([404, 500, 503])("at one that answers %d on /", async (status) => {
    service.use(cluster(text(status, "")), root(text(status, "")));
    expect(await client.look(MS)).toMatchObject({ kind: "down", cause: `answers ${status} instead of 200` });
  });

  test("at none", async () => {
    service.use(cluster(() => HttpResponse.error()));
    expect(await client.look(MS)).toMatchObject({ kind: "down", attempts: 1 });
  });
});

describe("the lease", () => {
  const { kind: _, ...yes } = granted(5);
  const { kind: __, ...no } = refusal("held", holder("ray-gpu"), 1.5);

  test("is asked for in the words of the wire format", async () => {
    let said: unknown;
    const note = async (request: Request) => {
      said = await request.json();
      return HttpResponse.json(yes);
    };
    service.use(put(note));
    expect(await client.askLease(REQUEST, MS)).toEqual({ kind: "granted", ...yes });
    expect(said).toEqual(REQUEST);
  });

  test("is refused with 409, and the holder is named", async () => {
    service.use(put(() => HttpResponse.json(no, { status: 409 })));
    expect(await client.askLease(REQUEST, MS)).toEqual({ kind: "refused", ...no });
  });

  test.each([
    ["500", 500, "the disk is full"],
    ["200 with rubbish", 200, "OK"],
    ["200 with a refusal", 200, JSON.stringify(no)],
    ["409 with a grant", 409, JSON.stringify(yes)],
    ["200 with half a grant", 200, '{"granted":true,"epoch":5'],
    ["200 with a grant of no epoch", 200, JSON.stringify({ ...yes, epoch: -1 })],
    ["413", 413, "too large"],
    ["401", 401, '{"error":"expected the header Authorization"}'],
  ])("%s is no answer, neither yes nor no", async (_, status, body) => {
    service.use(put(text(status, body)));
    const fact = await client.askLease(REQUEST, MS);
    const cause = `the health service answered ${status} ${body.slice(0, 200)}`;
    expect(fact).toEqual({ kind: "no-answer", cause });
  });

  test("the token goes with writes, and only with them", async () => {
    const seen: (string | null)[] = [];
    const note = (request: Request) => void seen.push(request.headers.get("authorization"));
    const guarded = openHealthClient(service.url, "s3cret");
    const noteGet = ({ request }: { request: Request }) => {
      note(request);
      return HttpResponse.json(view);
    };
    const notePut = (request: Request) => {
      note(request);
      return HttpResponse.json(yes);
    };
    service.use(http.get(`${SERVICE}/v1/head`, noteGet), put(notePut));
    await guarded.look(MS);
    await guarded.askLease(REQUEST, MS);
    expect(seen).toEqual([null, "Bearer s3cret"]);
  });

  test("is given back", async () => {
    const release = { node: "ray-cpu", life: "1", epoch: 5 };
    service.use(
      http.delete(`${SERVICE}/v1/head`, () => HttpResponse.json({ released: true, epoch: 5, instance: "i" })),
    );
    expect((await client.releaseLease(release, MS)).ok).toBe(true);
    service.use(http.delete(`${SERVICE}/v1/head`, text(500, "no")));
    expect(await client.releaseLease(release, MS)).toEqual({ ok: false, error: "answered 500 no" });
  });
});

describe("what no HTTP library would send", () => {
  let server: Server | undefined;
  const sockets = new Set<Socket>();

  async function raw(talk: (socket: Socket) => void): Promise<HealthClient> {
    const listening = createServer((socket) => {
      sockets.add(socket.on("error", () => {}));
      talk(socket);
    });
    server = listening;
    const port = await new Promise<number>((resolve) =>
      listening.listen(0, "127.0.0.1", () => resolve((listening.address() as { port: number }).port)),
    );
    return openHealthClient(`http://127.0.0.1:${port}`, null);
  }

  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    server?.close();
  });

  const OPEN = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

  test.each([
    [
      "an answer that is cut",
      (socket: Socket) => socket.end(`${OPEN}content-length: 500\r\n\r\n{"granted":true`),
      "connection",
    ],
    ["no answer but an end", (socket: Socket) => socket.end(), "connection was closed"],
    ["a reset", (socket: Socket) => socket.resetAndDestroy(), "connection was closed"],
    ["no HTTP", (socket: Socket) => socket.end("+PONG\r\n"), "not HTTP"],
    ["silence", () => {}, "no answer from 127.0.0.1"],
    [
      "an answer that never ends",
      (socket: Socket) => socket.write(`${OPEN}content-length: 500\r\n\r\n{`),
      "no answer from",
    ],
  ])("%s is told as what it is, in time", async (_, talk, cause) => {
    const odd = await raw((socket) => void talk(socket.resume()));
    const began = performance.now();
    expect(await odd.askLease(REQUEST, 700)).toMatchObject({
      kind: "no-answer",
      cause: expect.stringContaining(cause),
    });
    expect(performance.now() - began).toBeLessThan(3000);
  });

  test("an answer without measure is cut off", async () => {
    const odd = await raw((socket) => {
      socket.resume().write(`${OPEN}transfer-encoding: chunked\r\n\r\n`);
      const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
      const send = (): void => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.on("drain", send);
      send();
    });
    expect(await odd.askLease(REQUEST, MS)).toMatchObject({
      kind: "no-answer",
      cause: expect.stringContaining("more than 2097152 bytes"),
    });
  });

  test("a closed port", async () => {
    const odd = await raw(() => {});
    await new Promise((resolve) => server?.close(resolve));
    expect(await odd.look(MS)).toMatchObject({
      kind: "down",
      cause: expect.stringContaining("connection refused"),
    });
  });
});
