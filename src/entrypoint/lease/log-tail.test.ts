import { expect, test } from "vitest";
import { MAX_LOG_LINE, MAX_LOG_LINES, NodeReport } from "../../common/protocol/report-protocol.ts";
import type { Event } from "../output/event.ts";
import { LogTail } from "./log-tail.ts";

const warning = (what: string): Event => ({ type: "warning", what, fix: "None." });
const heard = (...whats: string[]) => {
  const tail = new LogTail();
  for (const what of whats) tail.hear(warning(what));
  return tail;
};

test("each line is sent once, until the service has it; a service that forgot gets the last again", () => {
  const tail = heard("one");
  const first = tail.take();
  expect(first).toEqual({ first: 0, lines: ["✗ Warning: one", "  → None."] });
  tail.hear({ type: "said", by: "ray", line: "a secret, perhaps" });
  // The report was lost.
  expect(tail.take()).toEqual(first);
  expect(tail.taken(first, "run-1")).toBe(false);
  expect(tail.take()).toBeUndefined();
  tail.hear(warning("two"));
  const second = tail.take();
  expect(second).toEqual({ first: 2, lines: ["✗ Warning: two", "  → None."] });
  expect(tail.taken(second, "run-2")).toBe(true);
  expect(tail.take()?.lines).toHaveLength(4);
  expect(tail.taken(tail.take(), "run-2")).toBe(false);
});

test("of a long log the last 50 lines, in reports that a service takes, and no half characters", () => {
  const tail = heard(...Array.from({ length: 60 }, (_, i) => `${i} ${"x\u{1f600}".repeat(200)}\n\u001b[2J`));
  const lines: string[] = [];
  for (let more = true; more; ) {
    const part = tail.take();
    expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThan(5 * 1024);
    const report = {
      life: "x",
      role: null,
      state: "deciding",
      head: null,
      advertise: null,
      nodeManagerPort: null,
    };
    expect(NodeReport.parse({ ...report, log: part }).log).toEqual(part);
    lines.push(...(part?.lines ?? []));
    more = tail.taken(part, "run-1");
  }
  expect(lines).toHaveLength(MAX_LOG_LINES);
  expect(lines[0]).toMatch(/^✗ Warning: 35 x/);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(MAX_LOG_LINE);
});
