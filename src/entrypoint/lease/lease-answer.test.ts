import { expect, test } from "vitest";
import { granted, holder, refusal } from "../../../test/fixtures/facts.ts";
import { successorIn } from "./lease-answer.ts";

const other = holder("b", { epoch: 3 });
const namesake = holder("a", { epoch: 3 });
const superseded = { kind: "superseded", epoch: 3 };

test.each([
  ["a grant", granted(3), 3, null],
  ["nobody holds it", refusal("stale-epoch"), 1, null],
  ["another holds a later one", refusal("stale-epoch", other), 1, superseded],
  ["another holds any, and we hold none", refusal("held", other), null, superseded],
  ["another held one that has ended", refusal("stale-epoch", holder("b", { expiresIn: 0 })), 1, null],
  ["a former life of ours may hold it", refusal("same-name", namesake), null, null],
  ["A1 another living node of our name holds it", refusal("duplicate-name", namesake), null, superseded],
] as const)("%s", (_, answer, epoch, trouble) => {
  const found = successorIn(answer, "a", epoch);
  if (trouble === null) expect(found).toBeNull();
  else expect(found).toMatchObject(trouble);
});
