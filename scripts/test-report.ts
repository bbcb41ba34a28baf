import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

/** What came of the tests of one process of Vitest. */
export interface Counts {
  /** Tests that ran, whatever came of them. */
  readonly executed: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** One line for each failure. */
  readonly failures: readonly string[];
}

/** What vitest's JSON reporter says of a file. */
interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly {
    readonly status: string;
    readonly fullName: string;
    readonly failureMessages: readonly string[];
  }[];
}

/**
 * Reads the report in `file`, of a Vitest that ended with `status`. A test file that cannot be loaded has no test that
 * failed, and an error outside of any test has none either: both count.
 */
export function count(file: string, status: number | null): Counts {
  try {
    const report = JSON.parse(readFileSync(file, "utf8"));
    const files: readonly FileReport[] = report.testResults;
    const failures = files.flatMap(failuresOf);
    const outside = failures.length === 0 && status !== 0;
    if (outside) failures.push(`${file}: vitest ended with ${status}, though no test failed`);
    const executed = report.numPassedTests + failures.length;
    return {
      executed,
      passed: report.numPassedTests,
      failed: failures.length,
      skipped: report.numPendingTests + report.numTodoTests,
      failures,
    };
  } catch (error) {
    return { executed: 1, passed: 0, failed: 1, skipped: 0, failures: [`${file} cannot be read: ${error}`] };
  }
}

/** Where no test failed it is the file itself: it could not be loaded, a hook failed, its process ended. */
function failuresOf({ name, status, message, assertionResults }: FileReport): string[] {
  const failed = assertionResults.filter((each) => each.status === "failed");
  if (failed.length === 0 && status === "failed")
    return [line(name, message || "a hook or its process failed")];
  return failed.map(({ fullName, failureMessages }) =>
    line(`${name} > ${fullName}`, failureMessages[0] ?? ""),
  );
}

const line = (where: string, message: string): string =>
  `${where.replace(`${process.cwd()}/`, "")}: ${stripVTControlCharacters(message).split("\n")[0]}`;
