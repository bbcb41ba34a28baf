import type { PlanStep, UpPlan } from "../cluster/plan.ts";

const MARK: Readonly<Record<PlanStep["action"], string>> = {
  keep: "✓ keep   ",
  start: "→ start  ",
  replace: "✗ replace",
  stop: "✗ stop   ",
};

/** What `ws up` would do, one line a service. Pure. */
export function renderPlan({ steps }: UpPlan): string[] {
  const width = Math.max(...steps.map(({ service }) => service.length));
  return steps.flatMap(({ action, service, why, lost }) => [
    `  ${MARK[action]}  ${service.padEnd(width)}  ${why}`.trimEnd(),
    ...(lost === "" ? [] : [`      lost: ${lost}`]),
  ]);
}
