import { expect, test } from "vitest";
import { aheadOf, parseMembership, parseReplicaPath, replicaPath } from "./replica.ts";

test("who led last is known only where all was handed over", () => {
  const memory = { epoch: 4, highestEpochSeen: 7, hold: null, sole: { node: "gpu01", since: 3 } };
  expect(aheadOf(memory, true)).toEqual({ ...memory, highestEpochSeen: 1007 });
  expect(aheadOf(memory, false).sole).toBeNull();
});

test.each([null, "", "{}", '{"member":"gpu01"}'])("%j is no membership", (text) => {
  expect(parseMembership(text)).toBeUndefined();
});

test("who copies says where it listens, at an address and nothing else", () => {
  const rank = { term: 3, leader: "10.77.0.1:8443" };
  const asked = { service: "10.77.0.2:8443", rank };
  expect(parseReplicaPath(replicaPath(asked))).toEqual(asked);
  for (const service of ["", "[", "gpu02", "gpu02:8443/x", "a:1,b:1", "u@gpu02:8443"])
    for (const wrong of [
      { service, rank },
      { ...asked, rank: { ...rank, leader: service } },
    ])
      expect(parseReplicaPath(replicaPath(wrong))).toBeUndefined();
  expect(parseReplicaPath("/v1/replica")).toBeUndefined();
});
