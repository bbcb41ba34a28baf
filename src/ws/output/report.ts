import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters, styleText } from "node:util";
import type { CheckResult } from "../checks/check.ts";
import { oneLine } from "./terminal.ts";

/** What one run of `ws test --up` found, with where it ran. */
export interface TestRun {
  readonly results: readonly CheckResult[];
  readonly runtime: string;
  readonly head: string;
  /** Why the test worker or the test client did not come up, in words; none: both did. */
  readonly startFailure: readonly string[];
  readonly startedAt: Date;
  readonly tookMs: number;
}

const MARK = { ok: "✓", failed: "✗", skipped: "–" } as const;
const COLOUR = { ok: "green", failed: "red", skipped: "dim" } as const;

/** Prints each result as it comes, under the heading of its section. */
export function createCheckPrinter(write: (text: string) => void): (result: CheckResult) => void {
  let current: string | undefined;
  return ({ section, title, outcome, saw }) => {
    if (section !== current) write(`\n${styleText("bold", section)}\n`);
    current = section;
    const mark = styleText(COLOUR[outcome], MARK[outcome]);
    write(`  ${mark} ${oneLine(title)}\n      ${styleText("dim", oneLine(saw))}\n`);
  };
}

/** How many hold, do not hold, and were not judged: in one line, and as numbers. Pure. */
export function summarize(results: readonly CheckResult[], bold = (text: string) => text) {
  const count = (outcome: CheckResult["outcome"]) =>
    results.filter((each) => each.outcome === outcome).length;
  const counts = { ok: count("ok"), failed: count("failed"), skipped: count("skipped") };
  const { ok, failed, skipped } = counts;
  const holding = bold(`${ok} of ${ok + failed} lines hold`);
  const rest = skipped === 0 ? "" : `, ${skipped} not judged here`;
  return { counts, line: `${failed === 0 ? MARK.ok : MARK.failed} ${holding}${rest}` };
}

const bySection = (results: readonly CheckResult[]) => [...Map.groupBy(results, ({ section }) => section)];

/** Makes the folder where it is missing; throws, as the file system says it, where nothing can be written there. */
export function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  accessSync(folder, constants.W_OK);
}

/** The run as programs read it. */
export const withCounts = (run: TestRun) => ({ ...run, counts: summarize(run.results).counts });

/** Writes the run as JUnit XML for CI, as JSON for programs and as Markdown for people. Returns the files. */
export async function writeReport(folder: string, run: TestRun): Promise<string[]> {
  const files = {
    "cluster-test.xml": await junitXml(run),
    "cluster-test.json": `${JSON.stringify(withCounts(run), null, 2)}\n`,
    "cluster-test.md": markdownPage(run),
  };
  prepareFolder(folder);
  return Object.entries(files).map(([name, text]) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  });
}

/** One suite for each section, one case for each line. Pure. */
export async function junitXml({ results, runtime, startFailure, startedAt }: TestRun): Promise<string> {
  // No other command needs it, and it takes a tenth of their start.
  const { default: builder } = await import("junit-report-builder");
  const report = builder.newBuilder();
  for (const [section, lines] of bySection(results)) {
    const suite = report.testSuite().name(section).timestamp(startedAt).property("runtime", runtime);
    for (const { id, title, outcome, saw, ms } of lines) {
      const line = suite
        .testCase()
        .className(id)
        .name(printable(title))
        .time(ms / 1000);
      if (outcome === "failed") line.failure(printable(saw));
      else if (outcome === "skipped") line.skipped();
      else line.standardOutput(printable(saw));
    }
  }
  if (startFailure.length > 0)
    report
      .testSuite()
      .name("Start")
      .testCase()
      .name("The test worker and the test client come up")
      .failure(printable(startFailure.join("\n")));
  return report.build();
}

/** XML 1.0 has no way to write most control characters, and logs hold them (colours). */
const printable = (text: string): string =>
  stripVTControlCharacters(text).replaceAll(/[^\P{Cc}\n\t]|\p{Cs}|[\ufffe\uffff]/gu, "");

/** The checklist as a page, one table for each section. Pure. */
export function markdownPage(run: TestRun): string {
  const seconds = (run.tookMs / 1000).toFixed(0);
  return [
    "# Cluster test",
    "",
    `${summarize(run.results, (text) => `**${text}**`).line}.`,
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
