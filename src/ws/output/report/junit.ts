import { stripVTControlCharacters } from "node:util";
import builder from "junit-report-builder";
import { bySection, type TestRun } from "./summary.ts";

/** One suite for each section, one case for each line. Pure. */
export function junitXml({ results, runtime, startFailure, startedAt }: TestRun): string {
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
