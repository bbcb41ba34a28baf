import { HttpResponse, http } from "msw";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { FakeEngine, inspected } from "../../test/fixtures/docker/fake-engine.ts";
import { MockService, SERVICE } from "../../test/fixtures/mock-service.ts";
import { statusOf } from "../../test/fixtures/status.ts";
import { until } from "../../test/fixtures/until.ts";

/** What `ws` shows of what the health service knows. */
const service = new MockService();
beforeAll(() => service.open());
afterAll(() => service.close());
beforeEach(() => service.reset());

const ID = "0".repeat(64);
const ANSWERS = `
  version*) echo 28.1 ;;
  "context inspect"*) echo unix:///run/docker.sock ;;
  "ps "*) echo ${ID} ;;
  inspect*) cat <<'JSON'
${inspected({ service: "ray-cpu" })}
JSON
  ;;`;
const engine = () =>
  new FakeEngine(
    ANSWERS,
    `host: { ip_address: 192.0.2.7 }\nservices: { health: { enabled: false } }\nnodes: { health_service: { url: "${service.url}" } }\n`,
  );

const AT = Date.parse("2026-01-31T12:00:05Z");
const EVENTS = [
  {
    id: AT,
    at: AT,
    kind: "led",
    node: "ray-cpu",
    epoch: 3,
    why: "takeover",
    before: "ray-gpu",
    headlessS: 31,
  },
  { id: AT + 1, at: AT, kind: "from-the-future", node: "ray-cpu" },
  {
    id: AT + 2,
    at: AT,
    kind: "failed",
    node: "x\u001b[2J",
    reason: "ray-exited",
    words: "Ray\u202e ended",
    exitCode: 1,
  },
];
const answer = (path: string, body: object, status = 200) =>
  service.use(http.get(`${SERVICE}${path}`, () => HttpResponse.json(body, { status })));

const fault = { reason: "raylet-gone", words: "The raylet is gone", at: AT };
const view = (restarts: number) => ({
  ...{
    service: "ray-entrypoint-health",
    version: "0.1.0",
    instance: "i",
    uptime: 9,
    ttl: 15,
    epoch: 3,
    holder: null,
  },
  nodes: [
    {
      ...{ name: "ray-cpu", seenAgo: 1.4, role: null, state: "restarting", head: null, advertise: null },
      ...{ nodeManagerPort: null, status: { ...statusOf("ray-cpu", []), restarts, fault } },
    },
  ],
});

test("ws events: a line an event, and those of a later version are left out", async () => {
  answer("/v1/events", { instance: "i", events: EVENTS.filter((_, i) => i < 2) });
  expect(await engine().ws(["events"])).toMatchObject({
    code: 0,
    out: "2026-01-31T12:00:05Z  ray-cpu leads under epoch 3: took over after ray-gpu, 31 s without a HEAD\n",
  });
});

test("ws events: one with what a terminal obeys is left out; without a history it says so", async () => {
  answer("/v1/events", {
    instance: "i",
    events: [{ ...EVENTS[2], node: "ray-cpu", words: "Ray ended" }, EVENTS[2]],
  });
  const { out } = await engine().ws(["events"]);
  expect(out).toBe("2026-01-31T12:00:05Z  ray-cpu ended with exit code 1: Ray ended\n");
  answer("/v1/events", {}, 404);
  const { code, err } = await engine().ws(["events", "-n", "3"]);
  expect([code, err]).toEqual([75, expect.stringContaining("does not tell what happened: it answers 404")]);
});

test("ws events -f --json goes on after the last id, also past a silence, until it is stopped", async () => {
  const asked: string[] = [];
  service.use(
    http.get(`${SERVICE}/v1/events`, ({ request }) => {
      asked.push(new URL(request.url).search);
      if (asked.length === 2) return new HttpResponse(null, { status: 500 });
      return HttpResponse.json({ instance: "i", events: asked.length === 1 ? EVENTS.slice(0, 1) : [] });
    }),
  );
  const stop = new AbortController();
  const running = engine().ws(["events", "-f", "--json"], {}, stop.signal);
  await until("three questions", () => asked.length >= 3);
  stop.abort();
  const { code, out } = await running;
  expect([code, JSON.parse(out)]).toEqual([0, EVENTS[0]]);
  expect(asked.slice(0, 3)).toEqual(["?after=0", `?after=${AT}`, `?after=${AT}`]);
});

test("ws events -f -n 0 shows only what comes", async () => {
  const known = EVENTS.slice(0, 1);
  let asked = 0;
  service.use(
    http.get(`${SERVICE}/v1/events`, ({ request }) => {
      const { searchParams } = new URL(request.url);
      asked += 1;
      const all = asked < 3 ? known : [...known, { id: AT + 9, at: AT, kind: "silent", node: "ray-gpu" }];
      const limit = Number(searchParams.get("limit") ?? 500);
      const events = limit === 0 ? [] : all.filter(({ id }) => id > Number(searchParams.get("after")));
      return HttpResponse.json({ instance: "i", events: events.slice(-limit) });
    }),
  );
  const stop = new AbortController();
  const running = engine().ws(["events", "-f", "-n", "0"], {}, stop.signal);
  await until("four questions", () => asked >= 4);
  stop.abort();
  expect((await running).out).toBe("2026-01-31T12:00:05Z  ray-gpu is silent\n");
});

test("ws ps says why a node is as it is, and ws ps --watch says each change once where there is no terminal", async () => {
  let restarts = 1;
  service.use(
    http.get(`${SERVICE}/v1/cluster`, () => HttpResponse.json(view(restarts))),
    http.get(`${SERVICE}/`, () => HttpResponse.text("OK")),
  );
  const { out } = await engine().ws(["ps"]);
  expect(out).toMatch(/NAME .* RESTARTS +HEARD +WHY\n/);
  expect(out).toMatch(/ray-cpu .* 1 +1s ago +The raylet is gone\n/);
  const stop = new AbortController();
  const asking = engine();
  let looks = 0;
  service.use(
    http.get(`${SERVICE}/v1/cluster`, () => {
      looks += 1;
      restarts = looks < 3 ? 1 : 2;
      return HttpResponse.json(view(restarts));
    }),
  );
  const running = asking.ws(["ps", "--watch"], {}, stop.signal);
  await until("four looks", () => looks >= 4);
  stop.abort();
  const lines = (await running).out.split("\n").filter((line) => line.includes("ray-cpu"));
  expect(lines.map((line) => line.slice(22))).toEqual([
    "ray-cpu starting, restarts of Ray: 1: The raylet is gone",
    "ray-cpu starting, restarts of Ray: 2: The raylet is gone",
  ]);
}, 30_000);

test("ws logs of a node elsewhere shows what it sent, each line once while it is followed, also past a silence", async () => {
  let asked = 0;
  service.use(
    http.get(`${SERVICE}/v1/nodes/ray-big/log`, () => {
      asked += 1;
      if (asked === 5) return new HttpResponse(null, { status: 500 });
      return HttpResponse.json({
        node: "ray-big",
        first: 4,
        lines: ["one", "two", "three"].slice(0, asked > 4 ? 3 : 2),
      });
    }),
    http.get(`${SERVICE}/v1/nodes/ray-none/log`, () => HttpResponse.json({}, { status: 404 })),
  );
  expect(await engine().ws(["logs", "ray-big", "-n", "1"])).toMatchObject({
    code: 0,
    out: "ray-big | two\n",
  });
  expect(await engine().ws(["logs", "ray-none"])).toMatchObject({ code: 78 });
  const stop = new AbortController();
  const running = engine().ws(["logs", "-f", "ray-big"], {}, stop.signal);
  await until("the third line to be told twice", () => asked > 7);
  stop.abort();
  expect((await running).out).toBe("ray-big | one\nray-big | two\nray-big | three\n");
});
