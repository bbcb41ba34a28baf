import { expect, test } from "vitest";
import { clusterStore } from "../../../test/fixtures/cluster-store.ts";
import { Callers } from "./callers.ts";

test("a node has run from its first report on, however long it is silent then; of an earlier run nobody knows", () => {
  let nowMs = 0;
  const callers = new Callers(clusterStore(), "admin", () => nowMs);
  expect(callers.neverRan("gpu01")).toBe(false);
  callers.welcome("gpu01");
  expect(callers.neverRan("GPU01")).toBe(true);
  callers.ran("gpu01");
  nowMs = 3_600_000;
  expect(callers.neverRan("gpu01")).toBe(false);
});
