import { expect, test } from "vitest";
import { configOf } from "../../../../test/fixtures/config.ts";
import { mayLead } from "./candidates.ts";

test.each([
  ["a candidate", {}, true],
  ["another node", { HEAD_WHITELIST: "b" }, false],
  ["an explicit HEAD", { HEAD_WHITELIST: "b", HEAD_ADDRESS: "a:6379" }, true],
  ["a candidate of an explicit HEAD", { HEAD_ADDRESS: "b:6379" }, false],
])("who may lead: %s", (_, vars, may) => {
  expect(mayLead(configOf("a", { HEAD_WHITELIST: "a b", ...vars }))).toBe(may);
});
