import { expect, test } from "vitest";
import { lookup, lookupsUnderWay, rememberingLookup } from "./lookup.ts";

const ask = (name: string, all = false) =>
  new Promise((resolve) => lookup(name, { all }, (error, found) => resolve(error?.code ?? found)));

test("D1 callers that ask for a name at the same time share one lookup", async () => {
  const asked = [ask("localhost"), ask("localhost", true), ask("127.0.0.2")];
  expect(lookupsUnderWay()).toBe(2);
  expect(await Promise.all(asked)).toEqual(["127.0.0.1", [{ address: "127.0.0.1", family: 4 }], "127.0.0.2"]);
  expect(lookupsUnderWay()).toBe(0);
});

test("a name that does not exist is an error for each caller", async () => {
  const gone = await Promise.all([ask("no.such.name.invalid"), ask("no.such.name.invalid", true)]);
  expect(gone[0]).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
  expect(gone[1]).toBe(gone[0]);
});

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
