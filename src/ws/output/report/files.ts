import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { junitXml } from "./junit.ts";
import { markdownPage } from "./markdown.ts";
import { countOutcomes, type TestRun } from "./summary.ts";

/** Makes the folder where it is missing; throws, as the file system says it, where nothing can be written there. */
export function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  accessSync(folder, constants.W_OK);
}

/** Writes the run as JUnit XML for CI, as JSON for programs and as Markdown for people. Returns the files. */
export function writeReport(folder: string, run: TestRun): string[] {
  const files = {
    "cluster-test.xml": junitXml(run),
    "cluster-test.json": `${JSON.stringify({ ...run, counts: countOutcomes(run.results) }, null, 2)}\n`,
    "cluster-test.md": markdownPage(run),
  };
  mkdirSync(folder, { recursive: true });
  return Object.entries(files).map(([name, text]) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  });
}
