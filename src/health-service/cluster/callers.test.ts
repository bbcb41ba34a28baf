import { expect, test } from "vitest";
import { clusterStore, EMPTY_CLUSTER } from "../../../test/fixtures/cluster-store.ts";
import { Callers } from "./callers.ts";
import { digestOf } from "./secrets.ts";

const MEMBER = {
  ...{ name: "gpu01", address: "10.0.0.1", candidate: true, joinedAtMs: 0 },
  ...{ credential: digestOf("c"), joinedBy: digestOf("s") },
};

test("a node has run from its first report on, however long it is silent then; of an earlier run nobody knows", () => {
  let nowMs = 0;
  const callers = new Callers({ store: clusterStore(), admin: "a", now: () => nowMs, graceMs: 0 });
  expect(callers.neverRan("gpu01")).toBe(false);
  callers.welcome("gpu01");
  expect(callers.neverRan("GPU01")).toBe(true);
  callers.ran("gpu01");
  nowMs = 3_600_000;
  expect(callers.neverRan("gpu01")).toBe(false);
});

test("a member that has not been heard counts as living until a service has listened long enough to know", () => {
  let nowMs = 0;
  const state = { ...EMPTY_CLUSTER, members: [MEMBER] };
  const callers = new Callers({ store: clusterStore(state), admin: "a", now: () => nowMs, graceMs: 15_000 });
  const lives = (atMs: number) => {
    nowMs = atMs;
    return callers.lives("gpu01");
  };
  expect([lives(0), lives(14_999), lives(15_000)]).toEqual([true, true, false]);
  callers.identify("Bearer gpu01:c");
  expect([lives(24_999), lives(25_000)]).toEqual([true, false]);
  // It takes over from another service, to which the member has spoken until now.
  callers.begin();
  expect([lives(39_999), lives(40_000)]).toEqual([true, false]);
});
