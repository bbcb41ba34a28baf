import type { ClusterEvent } from "./events-protocol.ts";

/** What is kept of the history. */
export const MAX_EVENTS = 500;

/**
 * What is kept of these, the oldest first. Where they are too many, the oldest of that node and kind goes of which there are most, so
 * that a node in a crash loop pushes out its own events alone. Who led last stays. Pure.
 */
export function keptOf(events: readonly ClusterEvent[]): readonly ClusterEvent[] {
  let kept = events;
  while (kept.length > MAX_EVENTS) kept = kept.toSpliced(leastNeeded(kept), 1);
  return kept;
}

function leastNeeded(events: readonly ClusterEvent[]): number {
  const lastLed = events.findLast(({ kind }) => kind === "led");
  const counts = new Map<string, number>();
  for (const event of events) counts.set(keyOf(event), (counts.get(keyOf(event)) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return events.findIndex((event) => event !== lastLed && counts.get(keyOf(event)) === most);
}

const keyOf = ({ node, kind }: ClusterEvent): string => `${kind} ${node.toLowerCase()}`;
