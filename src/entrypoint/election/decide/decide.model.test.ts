import { describe, expect, test, vi } from "vitest";
import { ClusterModel, TICK_MS, type Weather } from "../../../../test/fixtures/cluster-model.ts";
import { configOf } from "../../../../test/fixtures/config.ts";
import {
  DOWN,
  EVERY_ANSWER,
  factsOf,
  granted,
  head,
  holder,
  leaseHealth,
  PLAIN,
  refusal,
  UNKNOWN,
} from "../../../../test/fixtures/facts.ts";
import { formatAddress } from "../../../common/address.ts";
import { REFUSAL_REASONS } from "../../../common/protocol/lease-protocol.ts";
import type { Config } from "../../config/config.ts";
import type { Facts, HealthFact, LeaseFact } from "../facts.ts";
import { decide } from "./decide.ts";
import type { Decision } from "./decision.ts";

// Some 100,000 histories: seconds on a machine that does nothing else.
vi.setConfig({ testTimeout: 60_000 });

/** Every way to take one of each list. */
function* product(...lists: readonly (readonly unknown[])[]): Generator<unknown[]> {
  const [first = [], ...rest] = lists;
  if (lists.length === 0) yield [];
  else for (const each of first) for (const more of product(...rest)) yield [each, ...more];
}

const WHITELISTS = ["a b", "a b c"];
const HEALTH: readonly HealthFact[] = [
  leaseHealth(),
  leaseHealth(holder("a")),
  leaseHealth(holder("b")),
  leaseHealth(holder("b", { expiresIn: 0 })),
  leaseHealth(holder("b", { clusterId: null })),
  leaseHealth(holder("a", { expiresIn: 0 })),
  PLAIN,
  DOWN,
  UNKNOWN,
];
const LEASES: readonly (LeaseFact | null)[] = [
  null,
  granted(4),
  { kind: "no-answer", cause: "late" },
  ...REFUSAL_REASONS.map((reason) => refusal(reason)),
  refusal("held", holder("b")),
];
const ROLES: readonly Facts["lastRole"][] = [null, "head", "worker"];
const MOMENTS = [0, 15_000, 100_000];

function* everyFacts(config: Config): Generator<Facts> {
  const others = config.whitelist.filter(({ name }) => name !== config.node);
  const answers = others.map(({ name, address }) =>
    EVERY_ANSWER.map((kind) => head(name, formatAddress(address), kind)),
  );
  for (const [health, lease, lastRole, headUnseenMs, waitedMs, ...heads] of product(
    HEALTH,
    LEASES,
    ROLES,
    MOMENTS,
    MOMENTS,
    ...answers,
  ))
    yield factsOf({ health, lease, lastRole, headUnseenMs, waitedMs, heads } as Partial<Facts>);
}

/** Why a decision must not be, or null. */
function objection(config: Config, facts: Facts, decision: Decision): string | null {
  const kinds = facts.heads.map(({ result }) => (result.kind === "unresolved" ? result.code : result.kind));
  const living = kinds.includes("ray-gcs");
  if (living && decision.role !== "worker") return "a living HEAD is not joined";
  if (decision.role === "worker" && !living) return "joins where no HEAD answers";
  if (decision.role === "ask-lease" && facts.lease !== null) return "asks again for what was answered";
  if (decision.role === "ask-lease" && facts.health.kind !== "lease") return "asks a service without a lease";
  if (decision.role === "ask-lease" && decision.others === "answered" && kinds.some(isSilence))
    return "A4 silence counts as an answer";
  if (decision.role === "wait" && !(decision.retryMs > 0)) return "waits for nothing";
  return decision.role === "head" ? objectionToHead(config, facts, kinds) : null;
}

const isSilence = (kind: string): boolean => ["timeout", "unreachable", "EAI_AGAIN"].includes(kind);

function objectionToHead(config: Config, facts: Facts, kinds: readonly string[]): string | null {
  if (kinds.some((kind) => kind === "unauthorized" || kind === "tls")) return "HEAD beside a locked one";
  const first = config.whitelist[0]?.name === config.node;
  switch (facts.health.kind) {
    case "lease":
      return facts.lease?.kind === "granted" ? null : "HEAD without the lease";
    case "down":
      return first || facts.lastRole === "head" ? null : "HEAD without a health service";
    case "plain":
      if (first && facts.lastRole !== "head" && facts.headUnseenMs < 10_000 && kinds.some(isSilence))
        return "A3 HEAD beside a silent one";
      return first || facts.lastRole === "head" || facts.headUnseenMs >= 20_000 ? null : "HEAD out of turn";
    default:
      return "HEAD with the health service unheard";
  }
}

describe("every combination of facts", () => {
  test.each(WHITELISTS)("for each candidate of %s: no decision that must not be", (whitelist) => {
    let count = 0;
    for (const node of whitelist.split(" ")) {
      const config = configOf(node, { HEAD_WHITELIST: whitelist });
      for (const facts of everyFacts(config)) {
        count += 1;
        const decision = decide(config, facts);
        const why = objection(config, facts, decision);
        if (why !== null) throw new Error(`${why}: ${node} ${JSON.stringify({ decision, facts }, null, 1)}`);
      }
    }
    expect(count).toBe(
      whitelist.split(" ").length * 9 * 13 * 27 * EVERY_ANSWER.length ** (whitelist.split(" ").length - 1),
    );
  });
});

const BOTH_WAYS = [true, true];
const LINKS = [BOTH_WAYS, [false, true], [false, false]];

function weathers(count: number): Weather[] {
  const pairs =
    count === 2
      ? [[0, 1]]
      : [
          [0, 1],
          [0, 2],
          [1, 2],
        ];
  const reach = Array.from({ length: count }, () => [true, false]);
  const all: Weather[] = [];
  for (const [service, ...rest] of product(["lease", "plain"], ...reach, ...pairs.map(() => LINKS))) {
    const sees = Array.from({ length: count }, () => Array.from({ length: count }, () => true));
    pairs.forEach(([i = 0, j = 0], at) => {
      const [there = true, back = true] = rest[count + at] as boolean[];
      (sees[i] as boolean[])[j] = there;
      (sees[j] as boolean[])[i] = back;
    });
    all.push({ service: service as Weather["service"], reaches: rest.slice(0, count) as boolean[], sees });
  }
  return all;
}

/** Starts in one tick in every order, and one after the other with time for every look between them. */
function startings(count: number): number[][] {
  const places = Array.from({ length: count }, (_, i) => i);
  const orders = [...product(...places.map(() => places))].filter((order) => new Set(order).size === count);
  return orders.flatMap((order) => [order as number[], order.map((place) => Number(place) * 25 * TICK_MS)]);
}

/** Only the lease knows of a HEAD that has not served yet; a whitelist's order does not when starts are so far apart. */
const CLOSE_STARTS = [TICK_MS, 4 * TICK_MS, 5 * TICK_MS, 6 * TICK_MS];

function neverTwo(model: ClusterModel): void {
  const heads = model.heads();
  if (heads.some((a, i) => heads.slice(i + 1).some((b) => model.canMeet(a, b))))
    throw new Error(`two HEADs that see each other after ${model.nowMs} ms`);
}

function play(weather: Weather, starts: readonly number[], awayMs: number): ClusterModel {
  const model = new ClusterModel(weather, starts);
  const story = () => JSON.stringify({ weather, starts, awayMs });
  try {
    model.run(150_000, neverTwo);
    if (model.killHead(awayMs)) model.run(270_000, neverTwo);
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${story()}`);
  }
  return model;
}

describe("candidates that start, lose their HEAD and get it back", () => {
  test.each([2, 3])(
    "%d of them, with every break of the network: never two HEADs that see each other",
    (count) => {
      for (const weather of weathers(count))
        for (const starts of startings(count)) play(weather, starts, 80_000);
    },
  );

  test.each([2, 3])("%d of them with a lease that all reach, whenever they start and come back", (count) => {
    const reached = weathers(count).filter(
      ({ service, reaches }) => service === "lease" && reaches.every(Boolean),
    );
    for (const weather of reached)
      for (const gap of CLOSE_STARTS)
        for (const awayMs of [2000, 8000, 16_000, 30_000, 34_000])
          for (const starts of startings(count).slice(0, 2))
            play(
              weather,
              starts.map((each) => each * gap),
              awayMs,
            );
  });

  test.each([2, 3])("%d of them with nothing broken end with one HEAD, and all others with it", (count) => {
    const whole = weathers(count).filter(({ reaches, sees }) => [...reaches, ...sees.flat()].every(Boolean));
    expect(whole).toHaveLength(2);
    for (const weather of whole)
      for (const starts of startings(count)) {
        const { nodes } = play(weather, starts, 60_000);
        const states = nodes.map(({ state }) => state).toSorted();
        expect(states).toEqual(["head", ...nodes.slice(1).map(() => "worker")]);
      }
  });
});
