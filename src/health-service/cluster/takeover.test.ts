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

test("what is handed over holds the grant that was being written", async () => {
  const log = () => {};
  const file = { path: "f", save: async () => ok(undefined) };
  const store = new ClusterStore({ state: STATE, file, log });
  const waiting: (() => void)[] = [];
  let epoch = 1;
  const lease = {
    memory: () => ({ epoch, highestEpochSeen: epoch, hold: null }),
    restore: async () => {},
    settled: () => new Promise<void>((resolve) => waiting.push(resolve)),
  };
  const takeover = new Takeover({ store, lease, advertise: "m1:8443", membership: () => undefined, log });
  const handed = takeover.replica("m2", "m2:8443", 2);
  await new Promise(setImmediate);
  epoch = 2;
  for (const written of waiting) written();
  expect(await handed).toMatchObject({ state: { decides: false, term: 2 }, lease: { epoch: 2 } });
});
