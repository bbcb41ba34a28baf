import { expect, test } from "vitest";
import { lookup, lookupsUnderWay } from "./lookup.ts";

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
