import { type Event, withoutLife } from "./event.ts";

/** What clients cause, again and again: a candidate that is refused asks again every second or two. */
const REPEATED: ReadonlySet<Event["type"]> = new Set(["refused", "storage", "turned-away", "bug", "reach"]);
const MINUTE_MS = 60_000;
/** Strangers choose the names in refusals, so what is remembered of them, and said within a minute, has a limit. */
const MAX_EVENTS = 1000;

/**
 * Passes on what is news, and of what clients may repeat each event once a minute, whatever life it is of (a node that
 * starts again and again is one node), and not more than MAX_EVENTS a minute. `now` is milliseconds, monotonic.
 */
export function withoutRepeats(log: (event: Event) => void, now: () => number): (event: Event) => void {
  const said = new Set<string>();
  let minuteEndsMs = 0;
  return (event) => {
    if (!REPEATED.has(event.type)) return log(event);
    if (now() >= minuteEndsMs) {
      said.clear();
      minuteEndsMs = now() + MINUTE_MS;
    }
    const key = JSON.stringify(withoutLife(event));
    if (said.has(key) || said.size >= MAX_EVENTS) return;
    said.add(key);
    log(event);
  };
}
