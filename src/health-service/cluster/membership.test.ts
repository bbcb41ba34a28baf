import { describe, expect, test } from "vitest";
import { EMPTY_CLUSTER as EMPTY } from "../../../test/fixtures/cluster-store.ts";
import { JoinRequest } from "../../common/protocol/join-protocol.ts";
import { MAX_CANDIDATES } from "../../common/protocol/report-protocol.ts";
import { type ClusterState, candidatesLine } from "./cluster-state.ts";
import * as membership from "./membership.ts";
import { explainJoinRefusal } from "./refusal.ts";
import { digestOf } from "./secrets.ts";

const NOW_MS = Date.parse("2026-03-01T12:00:00Z");
const HOUR = { expiresInS: 3600, once: false };

const withToken = (state: ClusterState, secret: string, more: object = {}) =>
  membership.addToken(state, { ...HOUR, ...more }, digestOf(secret), NOW_MS).state;

/** `fresh`: members that nobody heard yet; `living`: those that were heard lately. */
function ask(
  state: ClusterState,
  node: string,
  {
    at = NOW_MS,
    fresh = [] as string[],
    living = [] as string[],
    ...more
  }: Record<string, unknown> & {
    at?: number;
    fresh?: string[];
    living?: string[];
  } = {},
) {
  const request: JoinRequest = {
    ...{
      secret: "s",
      node,
      address: `10.0.0.${node.length}`,
      candidate: true,
      ray: "2.60.0",
      python: "3.12",
    },
    ...more,
  };
  const step = membership.join(state, request, {
    ...{ nowMs: at, secret: digestOf(request.secret), credential: digestOf(`${node}'s`) },
    ...{ isFresh: (name: string) => fresh.includes(name), lives: (name: string) => living.includes(name) },
  });
  if ("state" in step)
    return { state: step.state, joined: step.state.members.find(({ name }) => name === node)?.name };
  const facts = { nowMs: at, request, state, token: step.token, taken: step.taken, heardAgoMs: 65_000 };
  return { reason: step.reason, message: explainJoinRefusal(step.reason, facts) };
}

/** The state in which all of them have joined. */
const joined = (state: ClusterState, ...nodes: string[]): ClusterState =>
  nodes.reduce((before, node) => ask(before, node).state ?? before, state);

const LAB = joined(withToken(EMPTY, "s"), "gpu01");

test("candidates stand in the order in which they joined, with the port of the GCS", () => {
  const state = ask(joined(LAB, "gpu2"), "cpu", { candidate: false }).state ?? LAB;
  expect(candidatesLine(state)).toBe("gpu01=10.0.0.5:6379 gpu2=10.0.0.4:6379");
  expect(state.versions).toEqual({ ray: "2.60.0", python: "3.12" });
});

test("what would spoil the list of candidates for all of its readers never comes into it", () => {
  const from = { node: "gpu02", address: "10.0.0.2" };
  const asked = { ...from, secret: "s", candidate: true, ray: "2.60.0", python: "3.12" };
  const isTaken = (more: object) => JoinRequest.safeParse({ ...asked, ...more }).success;
  expect(isTaken({})).toBe(true);
  for (const more of [{ node: "gpu02." }, { address: "gpu02.lab." }, { address: "0.0.0.0" }, { node: "a=b" }])
    expect([more, isTaken(more)]).toEqual([more, false]);
  expect(membership.move(LAB, "gpu01", "0.0.0.0")).toBe(LAB);
  expect(membership.move(LAB, "gpu01", "10.0.9.9").members[0]?.address).toBe("10.0.9.9");
});

describe("a machine may not join", () => {
  const usedUp = joined(withToken(EMPTY, "s", { once: true }), "gpu01");
  const crowded = joined(withToken(EMPTY, "s"), ...Array.from({ length: MAX_CANDIDATES }, (_, i) => `n${i}`));
  const replacing = withToken(LAB, "r", { replace: "gpu01" });
  test.each<[string, ClusterState, string, Record<string, unknown>, string, RegExp]>([
    [
      "with a secret of another cluster",
      LAB,
      "b",
      { secret: "x" },
      "unknown-token",
      /lab did not make.*ws token/,
    ],
    [
      "when its token has ended",
      LAB,
      "b",
      { at: NOW_MS + 3_600_000 },
      "expired",
      /ended at 2026-03-01T13:00:00Z, and here it is 2026-03-01T13:00:00Z.*ws token/,
    ],
    [
      "by a revoked token",
      membership.revokeTokens(LAB, undefined, NOW_MS).state,
      "b",
      {},
      "revoked",
      /ws token/,
    ],
    ["by a token that works once, the second time", usedUp, "b", {}, "used", /gpu01 has joined by it/],
    [
      "under a name that is taken",
      LAB,
      "gpu01",
      {},
      "name-taken",
      /heard 65 s ago.*ws token --replace gpu01/,
    ],
    ["under the long form of such a name", LAB, "gpu01.lab", {}, "name-taken", /gpu01 at 10\.0\.0\.5/],
    [
      "under the name of a member that lives, by a token to replace it",
      replacing,
      "gpu01",
      { secret: "r", living: ["gpu01"] },
      "name-taken",
      /so it lives.*ws remove gpu01/,
    ],
    [
      "under another name by a token to replace a member",
      replacing,
      "b",
      { secret: "r" },
      "other-name",
      /named gpu01.*named b/,
    ],
    ["as one candidate too many", crowded, "b", {}, "full", /without --candidate/],
    ["with another Ray", LAB, "b", { ray: "2.59.0" }, "other-ray", /expected Ray 2\.60\.0.*got 2\.59\.0/],
    ["with another Python", LAB, "b", { python: "3.11" }, "other-python", /expected Python 3\.12.*got 3\.11/],
  ])("%s", (_, state, node, more, reason, words) => {
    expect(ask(state, node, more)).toEqual({ reason, message: expect.stringMatching(words) });
  });
});

test("a silent member's place is taken by a token for that, once: same place in the list, old credential dead", () => {
  const state = withToken(joined(LAB, "gpu2"), "r", { replace: "gpu01" });
  const next = ask(state, "gpu01", { secret: "r", address: "10.0.9.9" }).state ?? state;
  expect(candidatesLine(next)).toBe("gpu01=10.0.9.9:6379 gpu2=10.0.0.4:6379");
  expect(next.removed).toEqual([{ name: "gpu01", credential: LAB.members[0]?.credential }]);
  expect(ask(next, "gpu01", { secret: "r" })).toMatchObject({ reason: "used" });
});

test("a machine whose answer was lost joins once more, also by a token that works once; nobody else does so for it", () => {
  const once = joined(withToken(EMPTY, "s", { once: true }), "gpu01");
  expect(ask(once, "gpu01", { fresh: ["gpu01"] })).toMatchObject({ joined: "gpu01" });
  expect(ask(once, "gpu01")).toMatchObject({ reason: "used" });
  expect(ask(LAB, "gpu01", { fresh: ["gpu01"], address: "10.0.0.66" })).toMatchObject({
    reason: "name-taken",
  });
  const byAnother = withToken(LAB, "other");
  expect(ask(byAnother, "gpu01", { secret: "other", fresh: ["gpu01"] })).toMatchObject({
    reason: "name-taken",
  });
});

test("a name is free after a removal, and the first of an empty cluster brings its versions", () => {
  const empty = membership.remove(LAB, "GPU01");
  expect(empty).toMatchObject({ members: [], removed: [{ name: "gpu01" }] });
  expect(ask(empty, "gpu01", { ray: "2.61.0" }).state?.versions).toEqual({ ray: "2.61.0", python: "3.12" });
});

test("a machine that gives its membership back before it ran may use its token again, once", () => {
  const once = joined(withToken(EMPTY, "s", { once: true }), "gpu01");
  const [ran, neverRan] = [membership.remove(once, "gpu01"), membership.remove(once, "gpu01", true)];
  expect([ask(ran, "gpu01").reason, ask(neverRan, "gpu01").joined]).toEqual(["used", "gpu01"]);
  expect(ask(joined(neverRan, "gpu01"), "gpu02")).toMatchObject({ reason: "used" });
});

test("one token is revoked, or all that still work are, and the others are told apart", () => {
  const state = withToken(withToken(withToken(EMPTY, "s"), "t"), "old", { expiresInS: 1 });
  const laterMs = NOW_MS + 2000;
  const one = membership.revokeTokens(state, digestOf("s"), laterMs);
  expect([one.revoked, ask(one.state, "a", { secret: "t" }).joined]).toEqual([1, "a"]);
  expect(membership.revokeTokens(state, undefined, laterMs).revoked).toBe(2);
});
