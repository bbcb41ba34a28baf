import { expect, test } from "vitest";
import { probeResult } from "../../../test/fixtures/facts.ts";
import type { RayGcs } from "../../common/probe-result.ts";
import type { Outcome } from "./elect.ts";
import { Search } from "./search.ts";

const joins = (clusterId: string): Outcome => {
  const head = probeResult("a:6379", { kind: "ray-gcs", version: "2.60.0", clusterId }) as RayGcs;
  const role = { role: "worker", head: head.address } as const;
  return { kind: "role", role, decision: { role: "worker", rule: "3-head-found", head } };
};
const leads: Outcome = {
  kind: "role",
  role: { role: "head" },
  decision: { role: "head", rule: "3-head-lease", epoch: 2 },
};

/** A search whose outcome the test gives. */
function bench() {
  const started: AbortSignal[] = [];
  let finish: (outcome: Outcome) => void = () => {};
  const seek = (signal: AbortSignal) => {
    started.push(signal);
    return new Promise<Outcome>((resolve) => {
      finish = resolve;
    });
  };
  const search = new Search(seek, "1");
  const settle = async (outcome: Outcome) => {
    finish(outcome);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { search, started, settle };
}

test("one search at a time, and only changes are told", () => {
  const { search, started } = bench();
  expect([false, true, true].map((needed) => search.follow(needed))).toEqual([false, true, false]);
  expect(started).toHaveLength(1);
});

test("it ends when the HEAD answers again, and what it finds after that counts no more", async () => {
  const { search, started, settle } = bench();
  search.follow(true);
  expect(search.follow(false)).toBe(true);
  expect(started[0]?.aborted).toBe(true);
  await settle(leads);
  expect(search.found).toBeNull();
});

test.each([
  ["another cluster", joins("2")],
  ["the lead", leads],
  ["a failure", { kind: "failed", failure: { reason: "no-such-user", user: "x" } } as Outcome],
])("%s is found", async (_, outcome) => {
  const { search, settle } = bench();
  search.follow(true);
  await settle(outcome);
  expect(search.found).toEqual(outcome);
});

test("the way back to the present cluster is no move, and the search starts again when it is needed", async () => {
  const { search, started, settle } = bench();
  search.follow(true);
  await settle(joins("1"));
  expect(search.found).toBeNull();
  search.follow(true);
  expect(started).toHaveLength(2);
});
