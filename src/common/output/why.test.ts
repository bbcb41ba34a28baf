import { expect, test } from "vitest";
import type { NodeStatus } from "../protocol/node-status.ts";
import { whyOf } from "./why.ts";

const BORN: NodeStatus = {
  ...{ node: "gpu", version: "0.1.0", startedAt: 1, ray: null, whitelist: [], place: null, health: null },
  ...{ decision: null, waits: null, heads: [], reach: null, restarts: 0, fault: null, failure: null },
};
const fault = { reason: "raylet-gone", words: "The raylet is gone", at: 1 };
const waits = { kind: "lease-holder", node: "cpu", since: 1 };
const reach = { result: "timeout", at: "gpu:20000" };
const failure = { reason: "ray-exited", exitCode: 1 };
const heads = [{ address: "cpu:6379", answer: "unreachable" }];

test.each<[string | undefined, Parameters<typeof whyOf>[0]["state"], Partial<NodeStatus>, boolean?]>([
  [undefined, "watching", {}],
  ["last: The raylet is gone (1970-01-01T00:00:00Z)", "watching", { fault }],
  ["The raylet is gone", "restarting", { fault }],
  ["not reached at gpu:20000: timeout", "watching", { fault, reach }],
  [undefined, "watching", { reach: { ...reach, result: "busy" } }],
  ["for cpu, which holds the head lease, to serve", "waiting-for-head", { waits, reach }],
  ["for cpu, which holds the head lease, to serve; cpu:6379 no route", "waiting-for-head", { waits, heads }],
  ["ray-exited", "stopped", { failure, fault }],
  [undefined, "stopped", { fault }],
  ["no report; it was last ALIVE", "watching", { fault }, true],
])("%s", (why, state, more, silent = false) => {
  expect(whyOf({ state, silent, status: { ...BORN, ...more } })).toBe(why);
});
