import { expect, test } from "vitest";
import type { Check } from "./check.ts";
import type { CheckContext } from "./context.ts";
import { runChecks } from "./run-checks.ts";

test("Ctrl-C ends the checks at once, also in the middle of one that takes its time", async () => {
  const stop = new AbortController();
  const line = { section: "Cluster", title: "" } as const;
  const checks: Check[] = [
    { id: "first", ...line, run: async () => ({ ok: true, saw: "" }) },
    {
      id: "second",
      ...line,
      run: () => {
        stop.abort();
        return new Promise(() => {});
      },
    },
    { id: "third", ...line, run: async () => ({ ok: true, saw: "" }) },
  ];
  const results = await runChecks(checks, {} as CheckContext, () => {}, stop.signal);
  expect(results.map(({ id }) => id)).toEqual(["first"]);
}, 10_000);
