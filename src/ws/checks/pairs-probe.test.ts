import { expect, test } from "vitest";
import { readPairsReport } from "./pairs-probe.ts";

const line = (from: string, to: string, ok: boolean) =>
  `WS-PAIR ${JSON.stringify({ kind: "task", from, to, ok, saw: "", ms: 1 })}`;

test("what was reported before the program was cut short counts", () => {
  const report = readPairsReport(`noise\n${line("a", "b", true)}\n${line("b", "a", false)}\nKilled\n`);
  expect(report).toMatchObject({ ok: true, value: { error: null, pairs: [{ ok: true }, { ok: false }] } });
});

test("an error at the end takes none of the pairs away", () => {
  const report = readPairsReport(`${line("a", "b", true)}\nWS-PAIRS-REPORT {"error": "gone", "pairs": []}\n`);
  expect(report).toMatchObject({ ok: true, value: { error: "gone", pairs: [{ from: "a" }] } });
});

test("neither a pair nor an end is no report", () => {
  expect(readPairsReport("Traceback").ok).toBe(false);
});
