import { expect, test } from "vitest";
import { DEFAULT_PORTS } from "../../common/protocol/join-protocol.ts";
import { ok } from "../../common/result.ts";
import { Callers } from "./callers.ts";
import type { ClusterState } from "./cluster-state.ts";
import { ClusterStore } from "./cluster-store.ts";

test("a node has run from its first report on, however long it is silent then; of an earlier run nobody knows", () => {
  const state: ClusterState = {
    ...{ version: 1, cluster: { name: "lab", id: "id-1" }, rayToken: "ray", ports: DEFAULT_PORTS },
    ...{ term: 1, decides: true, services: [] },
    ...{ authority: { certificate: "", key: "" }, versions: null, members: [], removed: [], tokens: [] },
  };
  const file = { path: "f", save: async () => ok(undefined) };
  const store = new ClusterStore({ state, file, log: () => {} });
  let nowMs = 0;
  const callers = new Callers(store, "admin", () => nowMs);
  expect(callers.neverRan("gpu01")).toBe(false);
  callers.welcome("gpu01");
  expect(callers.neverRan("GPU01")).toBe(true);
  callers.ran("gpu01");
  nowMs = 3_600_000;
  expect(callers.neverRan("gpu01")).toBe(false);
});
