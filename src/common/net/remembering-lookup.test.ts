import { expect, test } from "vitest";
import { rememberingLookup } from "./remembering-lookup.ts";

type Answer = string | Error | "silence";

/** A lookup whose name service gives these answers, one each time. */
function scripted(...answers: Answer[]) {
  const lookup = rememberingLookup((_, done) => {
    const next = answers.shift();
    if (next instanceof Error) done(next, "");
    else if (next !== undefined && next !== "silence") done(null, next);
  });
  return (all = false) =>
    new Promise((resolve) =>
      lookup("health", { all }, (error, address) => resolve(error === null ? address : error.message)),
    );
}

const GONE = new Error("EAI_AGAIN");

test("each look asks anew", async () => {
  const look = scripted("10.0.0.1", "10.0.0.2");
  expect([await look(), await look()]).toEqual(["10.0.0.1", "10.0.0.2"]);
});

test("a name service that fails or is silent is helped out with the last address", async () => {
  const look = scripted("10.0.0.1", GONE, "silence", "10.0.0.2");
  expect([await look(), await look(), await look(), await look()]).toEqual([
    "10.0.0.1",
    "10.0.0.1",
    "10.0.0.1",
    "10.0.0.2",
  ]);
});

test("a name that was never known is an error, as it came", async () => {
  expect(await scripted(GONE)()).toBe("EAI_AGAIN");
});

test("a caller that wants all addresses gets a list", async () => {
  expect(await scripted("10.0.0.1")(true)).toEqual([{ address: "10.0.0.1", family: 4 }]);
});
