/** A service that runs when `ws up` is called, and what to do with it. */
export interface RunningService {
  readonly name: string;
  readonly isNode: boolean;
  /** Undefined if no GCS answers that could tell. */
  readonly isHead: boolean | undefined;
  /** Why it must be replaced; undefined: it stays. */
  readonly change: { readonly action: "replace" | "stop"; readonly why: string } | undefined;
}

export interface PlanStep {
  readonly action: "keep" | "start" | "replace" | "stop";
  readonly service: string;
  /** Empty if there is nothing to explain. */
  readonly why: string;
  /** What is lost with it, as text; empty: nothing. */
  readonly lost: string;
}

/** What `ws up` is about to do, in display order. */
export interface UpPlan {
  readonly steps: readonly PlanStep[];
}

/**
 * What is lost with a service: the whole cluster with the HEAD, what runs on it with a WORKER, nothing with the
 * health service, whose lease is on disk. Pure.
 */
export function planUp(wanted: readonly string[], running: readonly RunningService[]): UpPlan {
  const missing = wanted.filter((name) => running.every((each) => each.name !== name));
  return {
    steps: [
      ...running.map(stepOf),
      ...missing.map((service) => ({ action: "start", service, why: "", lost: "" }) as const),
    ],
  };
}

function stepOf({ name: service, isNode, isHead, change }: RunningService): PlanStep {
  if (change === undefined) return { action: "keep", service, why: "", lost: "" };
  const lost = !isNode
    ? ""
    : isHead === false
      ? "the tasks and actors that run on it"
      : `the whole cluster's state and jobs, ${isHead ? "because it is the HEAD" : "if it is the HEAD"}`;
  return { ...change, service, lost };
}

/** True if running services would be replaced or stopped, which needs the user's consent. Pure. */
export const isDisruptive = ({ steps }: UpPlan): boolean =>
  steps.some(({ action }) => action === "replace" || action === "stop");
