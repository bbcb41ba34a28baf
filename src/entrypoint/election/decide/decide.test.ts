import { describe, expect, test } from "vitest";
import { configOf } from "../../../../test/fixtures/config.ts";
import {
  DOWN,
  factsOf,
  GCS,
  granted,
  head,
  holder,
  leaseHealth,
  PLAIN,
  REFUSED,
  refusal,
  SILENT,
  UNKNOWN,
} from "../../../../test/fixtures/facts.ts";
import type { ProbeAnswer } from "../../../common/probe-result.ts";
import type { Facts, HealthFact } from "../facts.ts";
import { possibleHeads, unlistedHolder } from "./candidates.ts";
import { decide } from "./decide.ts";

const FIRST = configOf("a", { HEAD_WHITELIST: "a b c" });
const SECOND = configOf("b", { HEAD_WHITELIST: "a b c" });
const THIRD = configOf("c", { HEAD_WHITELIST: "a b c" });
const STRICT_FIRST = configOf("a", { HEAD_WHITELIST: "a b c", RAY_EP_FENCING: "strict" });
const STRICT_THIRD = configOf("c", { HEAD_WHITELIST: "a b c", RAY_EP_FENCING: "strict" });
const STRANGER = configOf("x", { HEAD_WHITELIST: "a b c" });
const TOLD = configOf("b", { HEAD_WHITELIST: "a b c", HEAD_ADDRESS: "a:6379" });
const ITSELF = configOf("x", { HEAD_WHITELIST: "a b c", HEAD_ADDRESS: "x:6379" });
const STRICT_ITSELF = configOf("x", {
  HEAD_WHITELIST: "a b c",
  HEAD_ADDRESS: "x:6379",
  RAY_EP_FENCING: "strict",
});
const NO_ANSWER = { kind: "no-answer", cause: "gone" } as const;
const NO_TAKEOVER = configOf("b", { HEAD_WHITELIST: "a b c", RAY_EP_TAKEOVER_AFTER: "0" });
const ALONE = configOf("a", { HEAD_WHITELIST: "a" });

const at = (name: string, kind: ProbeAnswer) => head(name, `${name}:6379`, kind);
const nobody = [at("a", REFUSED), at("c", REFUSED)];
const silence = [at("b", REFUSED), at("c", { kind: "timeout", phase: "answer" })];
const LONG = 60_000;
const worker = (rule: string, host: string) => ({
  role: "worker",
  rule,
  head: { address: { host, port: 6379 } },
});
const leader = (rule: string, epoch: number | null) => ({ role: "head", rule, epoch });
const waits = (rule: string, waitingFor: object) => ({ role: "wait", rule, waitingFor });
const fails = (rule: string, failure: object) => ({ role: "none", rule, failure });

type Row = readonly [what: string, config: typeof FIRST, facts: Partial<Facts>, decision: object];

const check = (rows: readonly Row[]) =>
  test.each(rows)("%s", (_, config, facts, decision) => {
    expect(decide(config, factsOf(facts))).toMatchObject(decision);
  });

describe("rule 1: an explicit HEAD", () => {
  const rule = "1-explicit-head";
  check([
    ["it names this node: ask", ITSELF, {}, { role: "ask-lease", rule, others: "answered" }],
    ["it names this node: granted", ITSELF, { lease: granted(3) }, leader(rule, 3)],
    ["it names this node, and nobody grants", ITSELF, { lease: NO_ANSWER }, leader(rule, null)],
    [
      "it names this node, which the service does not count among the candidates",
      ITSELF,
      { lease: refusal("not-a-candidate") },
      leader(rule, null),
    ],
    [
      "it names this node, but another leads under the lease: two HEADs would see each other",
      ITSELF,
      { lease: refusal("held", holder("b")) },
      waits(rule, { kind: "lease-holder", node: "b" }),
    ],
    [
      "it names this node, and strict wants a lease",
      STRICT_ITSELF,
      { lease: NO_ANSWER },
      waits(rule, { kind: "lease", reason: "no-answer" }),
    ],
    ["strict asks as one who saw nobody", STRICT_ITSELF, {}, { role: "ask-lease", others: "silent" }],
    ["it names another, which answers", TOLD, { heads: [at("a", GCS)] }, worker(rule, "a")],
    ["it names another, which does not", TOLD, { heads: [at("a", REFUSED)] }, waits(rule, { kind: "head" })],
    [
      "though a lease could be had",
      TOLD,
      { heads: [at("a", REFUSED)], lease: granted() },
      waits(rule, { kind: "head" }),
    ],
    [
      "the wait has its end, with the cause of each address",
      TOLD,
      { heads: [at("a", SILENT)], waitedMs: LONG },
      fails(rule, { reason: "no-head-in-time", waitedMs: LONG, results: [SILENT] }),
    ],
  ]);
});

describe("rule 2: not a candidate", () => {
  const rule = "2-not-a-candidate";
  const b = [at("a", REFUSED), at("b", GCS)];
  check([
    ["joins the HEAD that answers", STRANGER, { heads: b }, worker(rule, "b")],
    ["waits for one", STRANGER, { heads: nobody }, waits(rule, { kind: "head" })],
    [
      "never leads, with whatever lease",
      STRANGER,
      { heads: nobody, lease: granted() },
      waits(rule, { kind: "head" }),
    ],
    [
      "never leads, without a health service",
      STRANGER,
      { health: DOWN, headUnseenMs: LONG },
      waits(rule, { kind: "head" }),
    ],
    [
      "ends after the wait",
      STRANGER,
      { heads: nobody, waitedMs: LONG },
      fails(rule, { reason: "no-head-in-time" }),
    ],
  ]);
});

describe("rule 3: a candidate and a health service that keeps the lease", () => {
  const found = "3-head-found";
  const rule = "3-head-lease";
  const two = [at("b", GCS), at("c", GCS)];
  check([
    ["a HEAD is there", FIRST, { heads: [at("b", GCS)] }, worker(found, "b")],
    ["two are: the first in the list", FIRST, { heads: two }, worker(found, "b")],
    [
      "two are: the lease's holder",
      FIRST,
      { heads: two, health: leaseHealth(holder("c")) },
      worker(found, "c"),
    ],
    [
      "a HEAD is there before the health service was heard",
      SECOND,
      { health: UNKNOWN, heads: [at("a", GCS)] },
      worker(found, "a"),
    ],
    ["nobody is there: ask", SECOND, { heads: nobody }, { role: "ask-lease", rule, others: "answered" }],
    [
      "nobody is there, strict: ask as one who saw nobody",
      STRICT_FIRST,
      { heads: [at("b", REFUSED), at("c", REFUSED)] },
      { role: "ask-lease", rule, others: "silent" },
    ],
    [
      "somebody is silent: ask, saying so",
      SECOND,
      { heads: [at("a", SILENT)] },
      { role: "ask-lease", rule, others: "silent" },
    ],
    [
      "somebody is out of reach: ask, saying so",
      SECOND,
      { heads: [at("a", { kind: "unreachable", code: "EHOSTUNREACH" })] },
      { role: "ask-lease", others: "silent" },
    ],
    [
      "A4 a name service that does not answer now: ask for the lease, reporting the silence",
      SECOND,
      { heads: [at("a", { kind: "unresolved", code: "EAI_AGAIN" })] },
      { role: "ask-lease", others: "silent" },
    ],
    [
      "A4 a name that does not exist: ask for the lease, reporting no silence",
      SECOND,
      { heads: [at("a", { kind: "unresolved", code: "ENOTFOUND" })] },
      { role: "ask-lease", others: "answered" },
    ],
    ["granted", SECOND, { heads: nobody, lease: granted(7) }, leader(rule, 7)],
    [
      "held by another: wait for it to serve",
      SECOND,
      { heads: nobody, lease: refusal("held", holder("a")) },
      waits(rule, { kind: "lease-holder", node: "a", epoch: 3 }),
    ],
    ...(["same-name", "quiet-period", "stale-epoch", "storage"] as const).map(
      (reason): Row => [
        `refused: ${reason}`,
        SECOND,
        { heads: nobody, lease: refusal(reason) },
        waits(rule, { kind: "lease", reason }),
      ],
    ),
    [
      "no answer: unknown, so not HEAD",
      SECOND,
      { lease: { kind: "no-answer", cause: "late" } },
      waits(rule, { kind: "lease", reason: "no-answer" }),
    ],
    [
      "two nodes with one name",
      SECOND,
      { lease: refusal("duplicate-name") },
      fails(rule, { reason: "duplicate-name", node: "b" }),
    ],
    [
      "another whitelist there",
      SECOND,
      { lease: refusal("not-a-candidate") },
      fails(rule, { reason: "not-a-candidate", node: "b" }),
    ],
    [
      "the wait has its end",
      SECOND,
      { heads: nobody, lease: refusal("held", holder("a")), waitedMs: LONG },
      fails(rule, { reason: "no-head-in-time", why: expect.stringContaining("held by a") }),
    ],
    ["a grant after the wait still counts", SECOND, { lease: granted(2), waitedMs: LONG }, leader(rule, 2)],
  ]);
});

describe("rule 3: taking over from a HEAD that served", () => {
  const rule = "3-head-lease";
  const over = leaseHealth(holder("a", { expiresIn: 0 }));
  const endedFor = (seconds: number) => leaseHealth(holder("a", { expiresIn: 0, endedFor: seconds }));
  const givenBack = (ago: number): HealthFact => {
    const health = leaseHealth(null, true) as Extract<HealthFact, { kind: "lease" }>;
    return { ...health, view: { ...health.view, releasedBy: { node: "a", address: "a:6379", ago } } };
  };
  const runs = leaseHealth(holder("a", { expiresIn: 4 }));
  const forgot = leaseHealth(null, false);
  const gaveBack = leaseHealth(null, true);
  const unborn = leaseHealth(holder("a", { clusterId: null }));
  // It stopped a day ago, before it served.
  const stopped = { clusterId: null, expiresIn: 0, endedFor: 86_400, returning: true };
  const mayReturn = leaseHealth(holder("a", stopped));
  const ask = { role: "ask-lease", rule };
  check([
    [
      "not while its lease runs",
      SECOND,
      { health: runs, headUnseenMs: LONG },
      waits(rule, { kind: "takeover", remainingMs: 4000 }),
    ],
    [
      "not before it was out of reach long enough",
      SECOND,
      { health: over, headUnseenMs: 10_000 },
      waits(rule, { kind: "takeover", remainingMs: 20_000 }),
    ],
    ["then it asks", SECOND, { health: over, headUnseenMs: 30_000 }, ask],
    [
      "never, where that is forbidden",
      NO_TAKEOVER,
      { health: over, headUnseenMs: LONG },
      waits(rule, { kind: "takeover", remainingMs: null }),
    ],
    ["a holder that never served is no matter", SECOND, { health: unborn }, ask],
    [
      "a service that knows no holder is no proof that the HEAD ended",
      SECOND,
      { health: forgot, lastRole: "worker", headUnseenMs: 10_000 },
      waits(rule, { kind: "takeover", remainingMs: 20_000 }),
    ],
    ["one that was given the lease back is", SECOND, { health: gaveBack, lastRole: "worker" }, ask],
    ["and a node that never worked waits for nobody", SECOND, { health: forgot }, ask],
    ["its own lease is no matter", FIRST, { health: over }, ask],
    ...[SECOND, STRICT_THIRD].flatMap((config): Row[] => [
      [
        `a HEAD that stopped and may come back is waited for from the first look on (${config.fencing})`,
        config,
        { health: mayReturn, headUnseenMs: 7000 },
        waits(rule, { kind: "takeover", node: "a", returning: true, remainingMs: 23_000 }),
      ],
      ["and no longer", config, { health: mayReturn, headUnseenMs: 30_000 }, ask],
    ]),
    ["by others: it asks at once itself", FIRST, { health: mayReturn }, ask],
    [
      "D14 an earlier candidate that answers goes first: wait for one watch interval and one look",
      THIRD,
      { health: over, headUnseenMs: 30_000, heads: [at("a", SILENT), at("b", REFUSED)] },
      waits(rule, { kind: "takeover", remainingMs: 1503 }),
    ],
    [
      "D14 and no longer than that",
      THIRD,
      { health: over, headUnseenMs: 31_503, heads: [at("a", SILENT), at("b", REFUSED)] },
      ask,
    ],
    [
      "D14 do not wait for an earlier candidate that is silent",
      THIRD,
      { health: over, headUnseenMs: 30_000, heads: [at("a", REFUSED), at("b", SILENT)] },
      ask,
    ],
    [
      "D14 nor for a later one, nor for the former HEAD itself",
      SECOND,
      { health: over, headUnseenMs: 30_000, heads: [at("a", REFUSED), at("c", REFUSED)] },
      ask,
    ],
    [
      "D14 strict: the turn counts from the lease's end",
      STRICT_THIRD,
      { health: endedFor(1), heads: [at("a", SILENT), at("b", REFUSED)] },
      waits(rule, { kind: "takeover", remainingMs: 503 }),
    ],
    [
      "D14 strict: and ends after it",
      STRICT_THIRD,
      { health: endedFor(2), heads: [at("a", SILENT), at("b", REFUSED)] },
      ask,
    ],
    [
      "D14 a later candidate does not take a released lease at once",
      THIRD,
      { health: givenBack(1), lastRole: "worker", heads: [at("a", REFUSED), at("b", REFUSED)] },
      waits(rule, { kind: "takeover", node: "a", remainingMs: 503 }),
    ],
    [
      "D14 the next candidate does, even if the former HEAD's machine answers",
      SECOND,
      { health: givenBack(0), lastRole: "worker", heads: [at("a", REFUSED), at("c", REFUSED)] },
      ask,
    ],
    [
      "D14 and the later one does after the next one has had its turn",
      THIRD,
      { health: givenBack(2), heads: [at("a", REFUSED), at("b", REFUSED)] },
      ask,
    ],
    [
      "D14 if the service does not say when the lease ended, no candidate waits",
      STRICT_THIRD,
      { health: over, heads: [at("a", SILENT), at("b", REFUSED)] },
      ask,
    ],
    [
      "it may wait no longer than WAIT_FOR_HEAD",
      SECOND,
      { health: runs, waitedMs: LONG + 30_000 },
      fails(rule, { reason: "no-head-in-time" }),
    ],
    [
      "but it waits for a takeover that it may make, also where WAIT_FOR_HEAD is shorter",
      SECOND,
      { health: runs, waitedMs: LONG },
      waits(rule, { kind: "takeover" }),
    ],
  ]);
});

describe("rule 3: a health service that keeps no lease", () => {
  const rule = "3-whitelist-order";
  const look = (remainingMs: number) => waits(rule, { kind: "second-look", remainingMs });
  check([
    ["the first goes first", FIRST, { health: PLAIN }, leader(rule, null)],
    [
      "A3 but not while another candidate is silent: it looks again",
      FIRST,
      { health: PLAIN, heads: silence },
      look(10_000),
    ],
    [
      "A4 nor while a name service does not answer",
      FIRST,
      { health: PLAIN, heads: [at("b", { kind: "unresolved", code: "EAI_AGAIN" })] },
      look(10_000),
    ],
    [
      "A3 and leads after that",
      FIRST,
      { health: PLAIN, heads: silence, headUnseenMs: 10_000 },
      leader(rule, null),
    ],
    ["the second looks again", SECOND, { health: PLAIN }, look(20_000)],
    ["and goes then", SECOND, { health: PLAIN, headUnseenMs: 20_000 }, leader(rule, null)],
    [
      "a HEAD is there",
      SECOND,
      { health: PLAIN, heads: [at("a", GCS)], headUnseenMs: LONG },
      worker("3-head-found", "a"),
    ],
    ["a HEAD that restarts stays one", SECOND, { health: PLAIN, lastRole: "head" }, leader(rule, null)],
    [
      "strict never leads without a lease",
      STRICT_FIRST,
      { health: PLAIN, lastRole: "head", headUnseenMs: LONG },
      waits(rule, { kind: "head" }),
    ],
    [
      "a WORKER waits for its HEAD first",
      FIRST,
      { health: PLAIN, lastRole: "worker", headUnseenMs: 29_000 },
      look(1000),
    ],
    [
      "a WORKER never leads, where that is forbidden",
      NO_TAKEOVER,
      { health: PLAIN, lastRole: "worker", headUnseenMs: LONG },
      waits(rule, { kind: "head" }),
    ],
  ]);
});

describe("rule 4: no health service", () => {
  const rule = "4-no-health-service";
  const waitsForHead = waits(rule, { kind: "head" });
  check([
    ["a HEAD is there", SECOND, { health: DOWN, heads: [at("a", GCS)] }, worker("3-head-found", "a")],
    ["the first looks twice", FIRST, { health: DOWN }, waits(rule, { kind: "second-look" })],
    ["and goes then", FIRST, { health: DOWN, headUnseenMs: 10_000 }, leader(rule, null)],
    ["the only one goes at once", ALONE, { health: DOWN }, leader(rule, null)],
    ["the others never", SECOND, { health: DOWN, headUnseenMs: LONG }, waitsForHead],
    ["nobody is promoted", FIRST, { health: DOWN, lastRole: "worker", headUnseenMs: LONG }, waitsForHead],
    ["a HEAD that restarts stays one", SECOND, { health: DOWN, lastRole: "head" }, leader(rule, null)],
    [
      "strict never leads without a lease",
      STRICT_FIRST,
      { health: DOWN, lastRole: "head", headUnseenMs: LONG },
      waitsForHead,
    ],
    [
      "the others end after the wait, saying why",
      SECOND,
      { health: DOWN, heads: nobody, waitedMs: LONG },
      fails(rule, {
        reason: "no-head-in-time",
        results: [REFUSED, REFUSED],
        why: expect.stringContaining("the health service is down (connection refused)"),
      }),
    ],
  ]);
});

describe("a HEAD that cannot be joined", () => {
  check([
    [
      "another version",
      STRANGER,
      { heads: [at("a", { ...GCS, version: "2.49.2" } as ProbeAnswer)] },
      fails("2-not-a-candidate", { reason: "version-differs", theirs: "2.49.2", ours: "2.60.0" }),
    ],
    [
      "a version of ours that is not known is not compared",
      STRANGER,
      { heads: [at("a", GCS)], ownRayVersion: null },
      worker("2-not-a-candidate", "a"),
    ],
    [
      "a token that it refuses",
      SECOND,
      { heads: [at("a", { kind: "unauthorized", detail: "InvalidAuthToken" })] },
      fails("3-head-found", { reason: "unauthorized", head: { host: "a" }, detail: "InvalidAuthToken" }),
    ],
    [
      "A8 one that speaks TLS where this node does not, or the reverse",
      SECOND,
      { heads: [at("a", { kind: "tls", problem: "wanted" })] },
      fails("3-head-found", { reason: "tls-differs", head: { host: "a" }, result: { problem: "wanted" } }),
    ],
    [
      "a locked one beside an open one is no matter",
      SECOND,
      { heads: [at("a", { kind: "unauthorized", detail: "" }), at("c", GCS)] },
      worker("3-head-found", "c"),
    ],
  ]);
});

describe("whom the probes ask", () => {
  test.each([
    ["a candidate: the others", SECOND, ["a", "c"]],
    ["anybody else: all of them", STRANGER, ["a", "b", "c"]],
    ["one with an explicit HEAD: that one", TOLD, ["a"]],
    ["the explicit HEAD itself: nobody", ITSELF, []],
  ])("%s", (_, config, hosts) => {
    expect(possibleHeads(config).map(({ address }) => address.host)).toEqual(hosts);
  });

  const MAPPED = configOf("b", { HEAD_WHITELIST: "a=10.0.0.1:16379 b c:6380" });

  test.each([
    ["by name and port", SECOND, "a", "a:6379"],
    ["by name, at another of its host's addresses", SECOND, "A", "172.28.0.3:6379"],
    ["by its address alone", SECOND, "z", "c:6379"],
    ["by name, where a port mapping lies between", MAPPED, "a", "a:6379"],
    ["by name, with the port of its entry", MAPPED, "c", "10.0.0.3:6380"],
    ["itself", SECOND, "b", "b:6379"],
    ["anybody, where the HEAD is explicit", TOLD, "z", "z:6379"],
  ])("B1 a holder that is listed %s", (_, config, node, address) => {
    expect(unlistedHolder(config, { health: leaseHealth(holder(node, { address })) })).toBeNull();
  });

  test.each([
    ["of no name and no address that is listed", SECOND, "z", "z:6379"],
    ["with a listed name and another port", SECOND, "a", "a:7000"],
    ["with a listed name and a port that its entry has not", MAPPED, "c", "c:6379"],
    ["whose address cannot be read", SECOND, "a", "?"],
  ])("B1 a holder %s is a stranger", (_, config, node, address) => {
    const held = holder(node, { address });
    expect(unlistedHolder(config, { health: leaseHealth(held) })).toEqual(held);
    const ended = leaseHealth({ ...held, expiresIn: 0 });
    for (const health of [ended, PLAIN]) expect(unlistedHolder(config, { health })).toBeNull();
  });
});
