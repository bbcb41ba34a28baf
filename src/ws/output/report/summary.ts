import type { CheckResult } from "../../checks/check.ts";

/** What one run of `ws test --up` found, with where it ran. */
export interface TestRun {
  readonly results: readonly CheckResult[];
  readonly runtime: string;
  /** The HEAD_ADDRESS that the test worker was told. */
  readonly head: string;
  /** Why the test worker or the test client did not come up, in words; none: both did. */
  readonly startFailure: readonly string[];
  readonly startedAt: Date;
  readonly tookMs: number;
}

export interface Counts {
  readonly ok: number;
  readonly failed: number;
  readonly skipped: number;
}

export function countOutcomes(results: readonly CheckResult[]): Counts {
  const count = (outcome: CheckResult["outcome"]) =>
    results.filter((each) => each.outcome === outcome).length;
  return { ok: count("ok"), failed: count("failed"), skipped: count("skipped") };
}

/** The results of each section, in the order in which they were judged. */
export function bySection(results: readonly CheckResult[]): [section: string, results: CheckResult[]][] {
  const sections = new Map<string, CheckResult[]>();
  for (const result of results)
    sections.set(result.section, [...(sections.get(result.section) ?? []), result]);
  return [...sections];
}
