import { once } from "node:events";
import { monotonicMs } from "../../common/deadline.ts";
import { attempt, type Check, type CheckResult, cannotJudge, SECTIONS, type SectionKey } from "./check.ts";
import type { CheckContext } from "./context.ts";
import { TEST_CHECKS } from "./sections/client-and-worker.ts";
import { CLUSTER_CHECKS } from "./sections/cluster.ts";
import { DASHBOARD_CHECKS } from "./sections/dashboard.ts";
import { NETWORK_CHECKS } from "./sections/networks.ts";
import { NODE_CHECKS } from "./sections/nodes.ts";

const ALL = [...CLUSTER_CHECKS, ...NODE_CHECKS, ...TEST_CHECKS, ...NETWORK_CHECKS, ...DASHBOARD_CHECKS];
const keyOf = ({ id }: Check): string => id.slice(0, id.indexOf("/"));

/** The specification's checklist (docs/specification.md), line by line, with the checks of ours that make a line mean what it says. */
export const CHECKLIST: readonly Check[] = Object.keys(SECTIONS).flatMap((key) =>
  ALL.filter((check) => keyOf(check) === key),
);

/** Judges every line, one after the other, and hands each result on as it comes. A check that throws has failed. */
export async function runChecks(
  checks: readonly Check[],
  context: CheckContext,
  onResult: (result: CheckResult) => void,
  signal: AbortSignal,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const stopped = once(signal, "abort").then(() => undefined);
  for (const check of checks) {
    if (signal.aborted) break;
    const result = await Promise.race([resultOf(check, context), stopped]);
    // The check goes on by itself until its time limit; what it started ends with the context's signal.
    if (result === undefined) break;
    results.push(result);
    onResult(result);
  }
  return results;
}

async function resultOf(check: Check, context: CheckContext): Promise<CheckResult> {
  const { id, title, judge, needsIsolation } = check;
  const began = monotonicMs();
  const { ok, open, saw } =
    needsIsolation !== undefined && !context.isolated
      ? cannotJudge(`needs Docker: ${needsIsolation}`)
      : await attempt("the check itself broke", () => judge(context));
  const outcome = open ? "skipped" : ok ? "ok" : "failed";
  const section = SECTIONS[keyOf(check) as SectionKey];
  return { id, section, title, outcome, saw, ms: monotonicMs() - began };
}
