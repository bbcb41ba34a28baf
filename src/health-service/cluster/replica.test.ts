import { expect, test } from "vitest";
import { aheadOf, outranks, parseMembership, parseReplicaPath, replicaPath } from "./replica.ts";

const standing = (term: number, service: string) => ({ decides: true, term, service, copiedAgo: null });

test("of two services that decide exactly one gives way: of another term or not", () => {
  const [old, a, b] = [standing(1, "z:1"), standing(2, "a:1"), standing(2, "b:1")];
  expect([outranks(a, old), outranks(old, a), outranks(b, a), outranks(a, b), outranks(a, a)]).toEqual([
    ...[true, false, true, false, false],
  ]);
});

test("who led last is known only where all was handed over", () => {
  const memory = { epoch: 4, highestEpochSeen: 7, hold: null, sole: { node: "gpu01", since: 3 } };
  expect(aheadOf(memory, true)).toEqual({ ...memory, highestEpochSeen: 1007 });
  expect(aheadOf(memory, false).sole).toBeNull();
});

test.each([null, "", "{}", '{"member":"gpu01"}'])("%j is no membership", (text) => {
  expect(parseMembership(text)).toBeUndefined();
});

test("who copies says where it listens, at an address and nothing else", () => {
  expect(parseReplicaPath(replicaPath("10.77.0.2:8443", 3))).toEqual({ service: "10.77.0.2:8443", term: 3 });
  for (const service of ["", "[", "gpu02", "gpu02:8443/x", "a:1,b:1", "u@gpu02:8443"])
    expect(parseReplicaPath(replicaPath(service, 3))).toBeUndefined();
  expect(parseReplicaPath("/v1/replica")).toBeUndefined();
});
