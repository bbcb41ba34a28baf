import { monotonicMs } from "../../common/deadline.ts";
import { attempt, type Check, type CheckResult } from "./check.ts";
import type { CheckContext } from "./context.ts";

/** Judges every line, one after the other, and hands each result on as it comes. A check that throws has failed. */
export async function runChecks(
  checks: readonly Check[],
  context: CheckContext,
  onResult: (result: CheckResult) => void,
  signal: AbortSignal,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const stopped = aborted(signal);
  for (const check of checks) {
    if (signal.aborted) break;
    const result = await Promise.race([judge(check, context), stopped]);
    // The check goes on by itself until its time limit; what it started ends with the context's signal.
    if (result === undefined) break;
    results.push(result);
    onResult(result);
  }
  return results;
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));

async function judge(check: Check, context: CheckContext): Promise<CheckResult> {
  const { id, section, title } = check;
  const began = monotonicMs();
  const skip = check.skip?.(context);
  if (skip !== undefined) return { id, section, title, outcome: "skipped", saw: skip, ms: 0 };
  const { ok, open, saw } = await attempt("the check itself broke", () => check.run(context));
  const outcome = open ? "skipped" : ok ? "ok" : "failed";
  return { id, section, title, outcome, saw, ms: monotonicMs() - began };
}
