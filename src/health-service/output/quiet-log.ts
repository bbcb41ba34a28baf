import type { Event } from "./event.ts";

/** A candidate that is refused asks again every second or two, and the log shall show that once a minute. */
const REPEAT_AFTER_MS = 60_000;
/** Strangers choose the names in refusals, so what is remembered of them, and said within a minute, has a limit. */
const MOST_KEYS = 1000;

/**
 * Passes on what is new, and repeats of the same at most once a minute; of what could be a repeat, at most MOST_KEYS
 * within a minute. `now` is milliseconds, monotonic.
 */
export function withoutRepeats(log: (event: Event) => void, now: () => number): (event: Event) => void {
  const said = new Map<string, number>();
  return (event) => {
    const key = repeatKey(event);
    if (key === null) return log(event);
    const last = said.get(key);
    if (last !== undefined && now() - last < REPEAT_AFTER_MS) return;
    said.delete(key);
    const [oldest] = said;
    if (oldest !== undefined && said.size >= MOST_KEYS) {
      if (now() - oldest[1] < REPEAT_AFTER_MS) return;
      said.delete(oldest[0]);
    }
    said.set(key, now());
    log(event);
  };
}

/** Events with one key say the same; null: each is news. */
function repeatKey(event: Event): string | null {
  switch (event.type) {
    case "refused":
      // Not by life: a node that starts again and again is one node.
      return `refused ${event.node.toLowerCase()} ${event.reason}`;
    case "storage":
      return event.ok ? null : `storage ${event.cause}`;
    case "turned-away":
      return `turned-away ${event.from} ${event.cause}`;
    case "bug":
      return `bug ${event.where} ${event.detail}`;
    case "reach":
      return `reach ${event.node} ${event.answer.to} ${event.answer.result}`;
    default:
      return null;
  }
}
