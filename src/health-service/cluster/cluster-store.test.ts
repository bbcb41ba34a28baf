import { expect, test } from "vitest";
import { clusterStore, EMPTY_CLUSTER } from "../../../test/fixtures/cluster-store.ts";
import { ok } from "../../common/result.ts";
import type { ClusterState } from "./cluster-state.ts";

test("a write that the disk still holds has no other one beside it, and so never comes after a newer one", async () => {
  const written: number[] = [];
  const waiting: (() => void)[] = [];
  let hangs = true;
  const save = async ({ term }: ClusterState) => {
    if (hangs) await new Promise<void>((resolve) => waiting.push(resolve));
    written.push(term);
    return ok(undefined);
  };
  // Only while the disk hangs the time is over before it has answered.
  const pause = () => (hangs ? Promise.resolve() : new Promise(() => {}));
  const store = clusterStore(EMPTY_CLUSTER, save, { pause });
  const keep = (term: number) => store.inLine(() => store.keep({ ...EMPTY_CLUSTER, term }));
  expect(await keep(2)).toBe(false);
  hangs = false;
  expect(await keep(3)).toBe(false);
  expect([written, store.state.term]).toEqual([[], 1]);
  for (const letGo of waiting) letGo();
  await new Promise(setImmediate);
  expect(await keep(4)).toBe(true);
  expect([written, store.state.term]).toEqual([[2, 4], 4]);
});
