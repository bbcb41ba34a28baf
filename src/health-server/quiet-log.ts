import type { Event } from "./event.ts";

/** A candidate that is refused asks again every second or two, and the log shall show that once a minute. */
const REPEAT_AFTER_MS = 60_000;
/** Strangers choose the names in refusals, so what is remembered of them has a limit. */
const MOST_KEYS = 1000;

/** Passes on what is new, and repeats of the same at most once a minute. `now` is milliseconds, monotonic. */
export function withoutRepeats(log: (event: Event) => void, now: () => number): (event: Event) => void {
  const said = new Map<string, number>();
  return (event) => {
    const key = repeatKey(event);
    if (key === null) return log(event);
    const last = said.get(key);
    if (last !== undefined && now() - last < REPEAT_AFTER_MS) return;
    said.delete(key);
    said.set(key, now());
    const [oldest] = said.keys();
    if (said.size > MOST_KEYS && oldest !== undefined) said.delete(oldest);
    log(event);
  };
}

/** Events with one key say the same; null: each is news. */
function repeatKey(event: Event): string | null {
  switch (event.type) {
    case "refused":
      return `refused ${event.node} ${event.life} ${event.message}`;
    case "storage":
      return event.ok ? null : `storage ${event.cause}`;
    case "unauthorized":
      return `unauthorized ${event.from}`;
    case "bug":
      return `bug ${event.where} ${event.detail}`;
    case "reach":
      return `reach ${event.node} ${event.answer.to} ${event.answer.result}`;
    default:
      return null;
  }
}
