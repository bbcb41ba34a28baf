import { expect, test } from "vitest";
import { newsFor } from "./ray-secrets.ts";

const NEWS = { candidates: "", services: [], rayTokenId: 2 };
const head = { name: "gpu01", role: "head", state: "watching", rayTokenId: 1 } as const;

test.each([
  ["the HEAD itself", "gpu01", 1, [head], true],
  ["a worker while the HEAD runs with the token before", "gpu02", 1, [head], false],
  ["a worker while that HEAD drains", "gpu02", 1, [{ ...head, state: "draining" }], false],
  ["a worker while no HEAD runs", "gpu02", 1, [{ ...head, state: "stopped" }], true],
  ["a worker of a HEAD that has the new one", "gpu02", 1, [{ ...head, rayTokenId: 2 }], true],
  ["a worker that has the new one", "gpu02", 2, [head], true],
  [
    "a member without Ray's token yet, where nobody leads",
    "gpu02",
    undefined,
    [{ ...head, role: null }],
    true,
  ],
] as const)("of another token of Ray's hears %s", (_, name, own, nodes, isTold) => {
  expect(newsFor({ name, own }, NEWS, () => nodes).rayTokenId).toBe(isTold ? 2 : undefined);
});
