/** A service that runs when `ws up` is typed, and what has to become of it. */
export interface RunningService {
  readonly name: string;
  readonly isNode: boolean;
  /** Undefined: nobody answers who could say it. */
  readonly isHead: boolean | undefined;
  /** Why it cannot stay as it is; undefined: it stays. */
  readonly change: { readonly action: "replace" | "stop"; readonly why: string } | undefined;
}

export interface PlanStep {
  readonly action: "keep" | "start" | "replace" | "stop";
  readonly service: string;
  /** Empty where it is no matter. */
  readonly why: string;
  /** What ends with it, in words; empty: nothing. */
  readonly lost: string;
}

/** What `ws up` is about to do, in the order in which it is shown. */
export interface UpPlan {
  readonly steps: readonly PlanStep[];
}

/** A HEAD takes the cluster with it; a WORKER what runs on it; the health service keeps its lease on disk. Pure. */
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

/** True where something that runs would be replaced or stopped: nobody does that without being told to. Pure. */
export const isDisruptive = ({ steps }: UpPlan): boolean =>
  steps.some(({ action }) => action === "replace" || action === "stop");
