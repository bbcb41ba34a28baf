import { sameHost } from "../../common/address.ts";
import type { ClusterEvent } from "../../common/protocol/events-protocol.ts";
import type { Event } from "../event.ts";

/** An event of the cluster before it is noted. */
export type Happening = ClusterEvent extends infer E
  ? E extends ClusterEvent
    ? Omit<E, "id" | "at">
    : never
  : never;

type Led = Extract<ClusterEvent, { kind: "led" }>;

/** Refusals of the lease that say that something is set wrong; all others belong to each takeover. */
const WRONG: ReadonlySet<string> = new Set([
  "not-a-candidate",
  "foreign-address",
  "duplicate-name",
  "storage",
]);

/**
 * What of the service's own log belongs to the history of the cluster; null: nothing. `lastLed`: who was noted to lead last;
 * `promoted`: this service took over from another one, and nobody has led since. Pure.
 */
export function happeningOf(event: Event, lastLed: Led | undefined, promoted: boolean): Happening | null {
  switch (event.type) {
    case "granted":
      return ledOf(event, lastLed, promoted);
    case "released":
      return { kind: "gave-back", node: event.node, epoch: event.epoch, returning: event.returning };
    case "joined":
      return { kind: "joined", node: event.node, address: event.address, candidate: event.candidate };
    case "join-refused":
      return {
        kind: "refused",
        what: "join",
        node: event.node,
        reason: event.reason,
        message: event.message,
      };
    case "refused":
      return WRONG.has(event.reason)
        ? { kind: "refused", what: "lease", node: event.node, reason: event.reason, message: event.message }
        : null;
    case "removed":
      return { kind: "removed", node: event.node, by: event.by };
    default:
      return null;
  }
}

function ledOf(
  { how, node, epoch, before: held, headlessMs }: Extract<Event, { type: "granted" }>,
  lastLed: Led | undefined,
  promoted: boolean,
): Happening | null {
  const isNoted = lastLed?.epoch === epoch && sameHost(lastLed.node, node);
  if (how === "recognition" || isNoted) return null;
  const before = held ?? lastLed?.node ?? null;
  const isAgain = before !== null && sameHost(before, node);
  const why = promoted ? "promoted" : before === null ? "first" : isAgain ? "returned" : "takeover";
  const headlessS = headlessMs === null ? null : Math.round(headlessMs / 100) / 10;
  return { kind: "led", node, epoch, why: how === "adoption" ? "recognised" : why, before, headlessS };
}
