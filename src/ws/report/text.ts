import { styleText } from "node:util";
import type { CheckResult, Section } from "../checks/check.ts";

const MARK = { ok: "✓", failed: "✗", skipped: "–" } as const;
const COLOUR = { ok: "green", failed: "red", skipped: "dim" } as const;

/** Prints each result as it comes, under the heading of its section. */
export function createCheckPrinter(write: (text: string) => void): (result: CheckResult) => void {
  let current: Section | undefined;
  return ({ section, title, outcome, saw }) => {
    if (section !== current) write(`\n${styleText("bold", section)}\n`);
    current = section;
    write(`  ${styleText(COLOUR[outcome], MARK[outcome])} ${title}\n      ${styleText("dim", saw)}\n`);
  };
}

/** One line: how many hold, do not hold, and were not judged. Pure. */
export function summarize(results: readonly CheckResult[]): string {
  const count = (outcome: CheckResult["outcome"]) =>
    results.filter((each) => each.outcome === outcome).length;
  const failed = count("failed");
  const mark = failed === 0 ? MARK.ok : MARK.failed;
  const skipped = count("skipped");
  const rest = skipped === 0 ? "" : `, ${skipped} not judged here`;
  return `\n${mark} ${count("ok")} of ${count("ok") + failed} lines hold${rest}`;
}
