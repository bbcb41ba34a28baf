import { expect, test } from "vitest";
import { DEFAULT_PORTS } from "../../common/protocol/join-protocol.ts";
import { ok } from "../../common/result.ts";
import type { ClusterState } from "./cluster-state.ts";
import { ClusterStore } from "./cluster-store.ts";
import { Takeover } from "./takeover.ts";

const STATE: ClusterState = {
  ...{ version: 1, cluster: { name: "lab", id: "id-1" }, rayToken: "ray", ports: DEFAULT_PORTS },
  ...{ term: 1, decides: true, services: [{ at: "m1:8443", member: null }] },
  ...{ authority: { certificate: "", key: "" }, versions: null, members: [], removed: [], tokens: [] },
};

/** A service that decides, whose lease is written when each of `waiting` is called. */
function deciding() {
  const log = () => {};
  const file = { path: "f", save: async () => ok(undefined) };
  const store = new ClusterStore({ state: STATE, file, log });
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
  expect(store.state).toEqual(STATE);
});
