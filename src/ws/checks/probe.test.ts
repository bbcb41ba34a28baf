import { expect, test } from "vitest";
import { readTried } from "./probe.ts";

const line = (kind: string, to: string, ok: boolean, saw = "") =>
  `WS-TRIED ${JSON.stringify({ kind, from: "a", to, ok, saw, ms: 1 })}\n`;

test("what was reported before the program was cut short counts", () => {
  const tried = readTried(`noise\n${line("task", "b", true)}${line("actor", "b", false)}Killed\n`);
  expect(tried).toMatchObject({ ok: true, value: [{ ok: true }, { ok: false }] });
});

test("an error at the end takes none of the pairs away", () => {
  const tried = readTried(`${line("task", "b", true)}${line("all", "", false, "gone")}`);
  expect(tried).toMatchObject({
    ok: true,
    value: [
      { kind: "task", to: "b" },
      { kind: "all", ok: false, saw: "gone" },
    ],
  });
});

test("neither a pair nor an end is no report", () => {
  expect(readTried("Traceback").ok).toBe(false);
});
