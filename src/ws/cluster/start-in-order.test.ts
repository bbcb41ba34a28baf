import { expect, test } from "vitest";
import { readSettings } from "../config/settings.ts";
import { inOrder } from "./start-in-order.ts";

const ALL = ["health", "ray-cpu", "ray-gpu"];

test.each([
  ["the first candidate", "", { health: ["health"], first: ["ray-cpu"], rest: ["ray-gpu"] }],
  [
    "the first of a whitelist in another order",
    "nodes: { head_whitelist: [ray-gpu, ray-cpu] }",
    { health: ["health"], first: ["ray-gpu"], rest: ["ray-cpu"] },
  ],
  [
    "an explicit HEAD",
    "nodes: { head_address: 'ray-gpu:6380' }",
    { health: ["health"], first: ["ray-gpu"], rest: ["ray-cpu"] },
  ],
  [
    "nobody, where the HEAD is elsewhere",
    "nodes: { head_address: 'far-away:6379' }",
    { health: ["health"], first: [], rest: ["ray-cpu", "ray-gpu"] },
  ],
])("after the health service comes %s", (_, yaml, expected) => {
  const settings = readSettings(yaml);
  if (!settings.ok) throw new Error(JSON.stringify(settings.error));
  expect(inOrder(settings.value.settings, ALL)).toEqual(expected);
});
