import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { HttpResponse, http } from "msw";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { configOf } from "../../../test/fixtures/config.ts";
import { granted, holder, leaseHealth, refusal } from "../../../test/fixtures/facts.ts";
import { FakeGcs } from "../../../test/fixtures/fake-gcs.ts";
import { MockService, SERVICE } from "../../../test/fixtures/mock-service.ts";
import * as odd from "../../../test/fixtures/odd-servers.ts";
import { refused } from "../../../test/fixtures/odd-servers.ts";
import type { OddServer } from "../../../test/fixtures/servers.ts";
import { until } from "../../../test/fixtures/until.ts";
import { formatAddress } from "../../common/address.ts";
import { realClock } from "../../common/deadline.ts";
import type { Holder } from "../../common/protocol/lease-protocol.ts";
import { probeGcs } from "../../gcs/probe.ts";
import { openHealthClient } from "../lease/health-client.ts";
import type { Event } from "../output/event.ts";
import { Absence } from "./absence.ts";
import type { Decision, WaitReason } from "./decide/decision.ts";
import { type ElectDeps, type Elector, elect } from "./elect.ts";
import type { HealthFact } from "./facts.ts";

const service = new MockService();
const running: { stop(): Promise<void> }[] = [];

beforeAll(() => service.open());
afterAll(() => service.close());
afterEach(async () => {
  service.reset();
  await Promise.all(running.splice(0).map((each) => each.stop()));
});

/** A place for the other candidate's GCS where nobody is yet. */
async function emptyPlace(): Promise<OddServer["address"]> {
  return (await refused()).address;
}

async function serve(address: OddServer["address"]): Promise<FakeGcs> {
  const gcs = await FakeGcs.start(address);
  running.push(gcs);
  return gcs;
}

const LONG_MS = 60_000;

/** The node `me`, second in a list of two, with the first at `address`. */
function node(address: OddServer["address"], env: Record<string, string> = {}) {
  const HEAD_WHITELIST = `first=${formatAddress(address)} me`;
  const config = configOf("me", { HEAD_WHITELIST, HEALTH_RETRY_INTERVAL: "0", ...env });
  const client = openHealthClient(service.url, null);
  const events: Event[] = [];
  const stop = new AbortController();
  const waits: WaitReason[] = [];
  const absence = new Absence(realClock);
  const elector: Elector = {
    config,
    askLease: (others) => {
      const { node: name, ownAddress } = config;
      const request = {
        node: name,
        life: "1",
        address: formatAddress(ownAddress),
        clusterId: null,
        epoch: null,
        others,
      };
      return client.askLease(request, 5000);
    },
    ownRayVersion: "2.60.0",
    stop: stop.signal,
    lastRole: null,
    absence,
    onWait: (reason) => void waits.push(reason),
  };
  const deps: ElectDeps = {
    clock: realClock,
    health: client,
    probe: (at, timeoutMs) => probeGcs(at, { token: null, timeoutMs }),
    log: (event) => void events.push(event),
  };
  const decisions = () => events.flatMap((event) => (event.type === "decision" ? [event.decision] : []));
  return { outcome: elect(elector, deps), absence, events, decisions, stop: () => stop.abort() };
}

const viewOf = (held: Holder | null) => (leaseHealth(held) as Extract<HealthFact, { kind: "lease" }>).view;

function healthKeepsLease(held: Holder | null): void {
  service.use(http.get(`${SERVICE}/v1/head`, () => HttpResponse.json(viewOf(held))));
}

function healthAnswersLease(...answers: (ReturnType<typeof refusal> | ReturnType<typeof granted>)[]): void {
  const left = [...answers];
  service.use(
    http.put(`${SERVICE}/v1/head`, () => {
      const answer = left.length > 1 ? left.shift() : left[0];
      return HttpResponse.json(answer, { status: answer?.kind === "granted" ? 200 : 409 });
    }),
  );
}

const isWait = (kind: string) => (decision: Decision) =>
  decision.role === "wait" && decision.waitingFor.kind === kind;

describe("a candidate", () => {
  test("joins the HEAD that serves", async () => {
    const place = await emptyPlace();
    await serve(place);
    healthKeepsLease(null);
    expect(await node(place).outcome).toMatchObject({ kind: "role", role: { role: "worker", head: place } });
  });

  test("D14 counts each answer to a probe as a sign of life, including the one by which it joins", async () => {
    const place = await emptyPlace();
    await serve(place);
    healthKeepsLease(null);
    const { outcome, absence } = node(place);
    await outcome;
    expect(absence.sinceMs(realClock.now() - LONG_MS)).toBeLessThan(LONG_MS);
  });

  test("joins a HEAD that serves without the health service's word, which is said when it comes", async () => {
    const place = await emptyPlace();
    await serve(place);
    const answer = Promise.withResolvers<void>();
    service.use(
      http.get(`${SERVICE}/v1/head`, async () => {
        await answer.promise;
        return HttpResponse.json(viewOf(null));
      }),
    );
    const me = node(place, { HEALTH_TIMEOUT: "20" });
    expect(await me.outcome).toMatchObject({ kind: "role", role: { role: "worker", head: place } });
    expect(me.events.map(({ type }) => type)).toEqual(["heads", "decision"]);
    answer.resolve();
    await until("the word on the health service", () => me.events.at(-1)?.type === "health");
    expect(me.events.at(-1)).toMatchObject({ fact: { kind: "lease" } });
  });

  test("asks for the lease where nobody serves, and leads when it is granted", async () => {
    healthKeepsLease(null);
    healthAnswersLease(granted(4));
    const me = node(await emptyPlace());
    expect(await me.outcome).toMatchObject({ kind: "role", role: { role: "head" }, decision: { epoch: 4 } });
    expect(me.events.map(({ type }) => type)).toEqual(["health", "heads", "lease", "decision"]);
  });

  test("waits for the lease's holder to serve, and joins it", async () => {
    const place = await emptyPlace();
    const first = holder("first", { address: formatAddress(place), clusterId: null });
    healthKeepsLease(first);
    healthAnswersLease(refusal("held", first));
    const me = node(place);
    await until("the wait for the holder", () => me.decisions().some(isWait("lease-holder")));
    await serve(place);
    expect(await me.outcome).toMatchObject({ role: { role: "worker", head: place } });
    expect(me.decisions().filter(isWait("lease-holder"))).toHaveLength(1);
  });

  test("B1 a holder at an address that it was not told is not even asked, and this is logged once", async () => {
    let visits = 0;
    const thief = createServer((socket) => {
      visits += 1;
      socket.destroy();
    });
    await once(thief.listen(0, "127.0.0.1"), "listening");
    const { port } = thief.address() as AddressInfo;
    const stolen = holder("first", { address: `127.0.0.1:${port}` });
    healthKeepsLease(holder("thief", { address: stolen.address }));
    healthAnswersLease(refusal("held", stolen));
    const me = node(await emptyPlace(), { WAIT_FOR_HEAD: "2", RAY_EP_TAKEOVER_AFTER: "1" });
    expect(await me.outcome).toMatchObject({ kind: "failed", failure: { reason: "no-head-in-time" } });
    const said = me.events.filter(({ type }) => type === "unlisted-holder");
    expect(said).toEqual([{ type: "unlisted-holder", node: "thief", address: stolen.address }]);
    expect(visits).toBe(0);
    thief.close();
  });

  test("takes a lost answer for no answer and asks again", async () => {
    healthKeepsLease(null);
    healthAnswersLease(granted(2));
    service.use(http.put(`${SERVICE}/v1/head`, () => HttpResponse.error(), { once: true }));
    const me = node(await emptyPlace());
    expect(await me.outcome).toMatchObject({ role: { role: "head" }, decision: { epoch: 2 } });
    expect(me.decisions().filter(isWait("lease"))).toHaveLength(1);
  });

  test("A8 does not lead while a server that speaks TLS may be a HEAD", async () => {
    const server = await odd.tls();
    running.push(server);
    healthKeepsLease(null);
    const me = node(server.address);
    expect(await me.outcome).toMatchObject({ kind: "failed", failure: { reason: "tls-differs" } });
  });

  test.each(Object.entries(odd).filter(([name]) => name !== "tls"))(
    "does not take what listens there (%s) for a HEAD, and waits no longer for it",
    async (_, start) => {
      const server = await start();
      running.push(server);
      healthKeepsLease(null);
      healthAnswersLease(granted(1));
      const began = performance.now();
      const me = node(server.address, { DISCOVERY_TIMEOUT: "1" });
      expect(await me.outcome).toMatchObject({ role: { role: "head" } });
      // One DISCOVERY_TIMEOUT, and what a busy machine adds.
      expect(performance.now() - began).toBeLessThan(1000 + 2000);
      const [, seen] = me.events;
      expect(seen).toMatchObject({ type: "heads", heads: [{ result: { address: server.address } }] });
      expect(seen).not.toMatchObject({ heads: [{ result: { kind: "ray-gcs" } }] });
    },
  );

  test("whose name is taken ends at once", async () => {
    healthKeepsLease(null);
    healthAnswersLease(refusal("duplicate-name"));
    const me = node(await emptyPlace());
    expect(await me.outcome).toMatchObject({ kind: "failed", failure: { reason: "duplicate-name" } });
  });
});

describe("without a health service", () => {
  const down = () => service.use(http.get(`${SERVICE}/*`, () => HttpResponse.error()));

  test("the second never leads, and says after WAIT_FOR_HEAD why, for each address", async () => {
    down();
    const place = await emptyPlace();
    const me = node(place, { WAIT_FOR_HEAD: "1", RAY_EP_SECOND_LOOK: "0" });
    expect(await me.outcome).toMatchObject({
      kind: "failed",
      failure: {
        reason: "no-head-in-time",
        why: expect.stringContaining("the health service is down"),
        results: [{ kind: "refused", address: place }],
      },
    });
  });

  test("it joins the first as soon as that serves", async () => {
    down();
    const place = await emptyPlace();
    const me = node(place);
    await until("the wait", () => me.decisions().some(isWait("head")));
    await serve(place);
    expect(await me.outcome).toMatchObject({ role: { role: "worker", head: place } });
  });

  test("each try counts", async () => {
    let asked = 0;
    const fail = () => {
      asked += 1;
      return HttpResponse.error();
    };
    service.use(http.get(`${SERVICE}/v1/head`, fail));
    const me = node(await emptyPlace(), { WAIT_FOR_HEAD: "0", HEALTH_MAX_RETRIES: "4" });
    await me.outcome;
    expect(me.events[0]).toMatchObject({ type: "health", fact: { kind: "down", attempts: 4 } });
    // A request of the test before may still come in.
    expect(asked).toBeGreaterThanOrEqual(4);
  });
});

describe("a stop", () => {
  test("ends the wait", async () => {
    healthKeepsLease(null);
    healthAnswersLease(refusal("held"));
    const me = node(await emptyPlace());
    await until("a decision", () => me.decisions().length > 0);
    me.stop();
    expect(await me.outcome).toEqual({ kind: "stopped" });
  });

  test("does not wait for a probe under way", async () => {
    healthKeepsLease(null);
    const place = await emptyPlace();
    (await serve(place)).hangs = true;
    const me = node(place, { DISCOVERY_TIMEOUT: "600" });
    me.stop();
    expect(await me.outcome).toEqual({ kind: "stopped" });
    // The probe itself has its end with its server.
  });
});
