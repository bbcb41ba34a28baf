import { expect, test } from "vitest";
import { clusterStore, EMPTY_CLUSTER } from "../../../test/fixtures/cluster-store.ts";
import { Takeover } from "./takeover.ts";

/** A service that decides, whose lease is written when each of `waiting` is called. */
function deciding() {
  const log = () => {};
  const store = clusterStore();
  const waiting: (() => void)[] = [];
  const known = { epoch: 1 };
  const lease = {
    memory: () => ({ ...known, highestEpochSeen: known.epoch, hold: null }),
    restore: async () => {},
    settled: () => new Promise<void>((resolve) => waiting.push(resolve)),
  };
  const takeover = new Takeover({ store, lease, advertise: "m1:8443", membership: () => undefined, log });
  return { store, takeover, waiting, known };
}

test("what is handed over holds the grant that was being written", async () => {
  const { takeover, waiting, known } = deciding();
  const handed = takeover.replica("m2", "m2:8443", 2);
  await new Promise(setImmediate);
  known.epoch = 2;
  for (const written of waiting) written();
  expect(await handed).toMatchObject({ state: { decides: false, term: 2 }, lease: { epoch: 2 } });
});

test("nobody gives way to a term that was made up", async () => {
  const { store, takeover } = deciding();
  expect(await takeover.replica("m2", "m2:8443", 999_999_999_999_999)).toBeNull();
  expect(store.state).toEqual(EMPTY_CLUSTER);
});
