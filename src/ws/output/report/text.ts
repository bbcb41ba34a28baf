import { styleText } from "node:util";
import type { CheckResult, Section } from "../../checks/check.ts";
import { oneLine } from "../one-line.ts";
import { countOutcomes } from "./summary.ts";

export const MARK = { ok: "✓", failed: "✗", skipped: "–" } as const;
const COLOUR = { ok: "green", failed: "red", skipped: "dim" } as const;

/** Prints each result as it comes, under the heading of its section. */
export function createCheckPrinter(write: (text: string) => void): (result: CheckResult) => void {
  let current: Section | undefined;
  return ({ section, title, outcome, saw }) => {
    if (section !== current) write(`\n${styleText("bold", section)}\n`);
    current = section;
    write(
      `  ${styleText(COLOUR[outcome], MARK[outcome])} ${oneLine(title)}\n      ${styleText("dim", oneLine(saw))}\n`,
    );
  };
}

/** One line: how many hold, do not hold, and were not judged. Pure. */
export function summarize(results: readonly CheckResult[]): string {
  const { ok, failed, skipped } = countOutcomes(results);
  const mark = failed === 0 ? MARK.ok : MARK.failed;
  const rest = skipped === 0 ? "" : `, ${skipped} not judged here`;
  return `\n${mark} ${ok} of ${ok + failed} lines hold${rest}`;
}
