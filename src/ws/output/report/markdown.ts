import { bySection, countOutcomes, type TestRun } from "./summary.ts";
import { MARK } from "./text.ts";

/** The checklist as a page, one table for each section. Pure. */
export function markdownPage(run: TestRun): string {
  const { ok, failed, skipped } = countOutcomes(run.results);
  const seconds = (run.tookMs / 1000).toFixed(0);
  const judged = skipped === 0 ? "" : `, ${skipped} not judged here`;
  return [
    "# Cluster test",
    "",
    `${failed === 0 ? MARK.ok : MARK.failed} **${ok} of ${ok + failed} lines hold**${judged}.`,
    `Runtime ${run.runtime}, HEAD_ADDRESS=${run.head}, ${run.startedAt.toISOString()}, ${seconds} s.`,
    ...(run.startFailure.length === 0 ? [] : ["", "```", ...run.startFailure, "```"]),
    ...bySection(run.results).flatMap(([section, lines]) => [
      "",
      `## ${section}`,
      "",
      "| | line | seen |",
      "|---|---|---|",
      ...lines.map(({ outcome, title, saw }) => `| ${MARK[outcome]} | ${cell(title)} | ${cell(saw)} |`),
    ]),
    "",
  ].join("\n");
}

/** What was seen is no markup: neither a new cell, nor a tag, nor a link. */
const cell = (text: string): string =>
  text.replaceAll(/[\\`*_{}[\]<>|#]/g, (mark) => `&#${mark.codePointAt(0)};`).replaceAll(/\s*\n\s*/g, " ");
