import { deadlineIn, pause } from "../../common/deadline.ts";
import type { Result } from "../../common/result.ts";
import type { ClusterView } from "../cluster/snapshot.ts";

/** `ray status` shows what the autoscaler saw last, and that looks each 5 s (Ray 2.40 to 2.60). */
const SETTLES_MS = 20_000;
const LOOK_EVERY_MS = 500;

/** How many nodes `ray status` lists as active; undefined where its words are not the known ones (Ray 2.40 to 2.60). */
export function activeNodes(rayStatus: string): number | undefined {
  const [, active] = /Active:\n([\s\S]*?)\nPending:/.exec(rayStatus) ?? [];
  if (active === undefined) return undefined;
  const counts = active.split("\n").map((line) => Number(/^\s*(\d+) \S+/.exec(line)?.[1] ?? 0));
  return counts.reduce((total, each) => total + each, 0);
}

/** What `ask` (`ray status`) says, once it has caught up with the GCS or had time enough to. */
export async function settledStatus(
  ask: () => Promise<Result<string, string>>,
  view: Result<ClusterView, string>,
  signal: AbortSignal,
): Promise<Result<string, string>> {
  const living = view.ok ? view.value.nodes.filter(({ alive }) => alive).length : 0;
  const deadline = deadlineIn(SETTLES_MS);
  for (;;) {
    const status = await ask();
    const settled = !status.ok || activeNodes(status.value) === living;
    if (settled || deadline.expired() || !(await pause(LOOK_EVERY_MS, signal))) return status;
  }
}
