import type { Failure } from "../common/failure.ts";
import type { Outcome } from "./election/elect.ts";
import type { RunEnd } from "./ray/run-end.ts";
import type { Fault } from "./ray/verdict.ts";

/** What this node has been through: all that decides how it goes on. */
export interface History {
  /** It has worked in a cluster. */
  readonly member: boolean;
  /** Restarts since the last calm minute whose cause lay in this node. */
  readonly recent: number;
  /** Restarts since then by which it followed another node. */
  readonly followed: number;
}

export const NEWBORN: History = { member: false, recent: 0, followed: 0 };

export type Next =
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly failure: Failure }
  | {
      readonly kind: "again";
      readonly delayMs: number;
      readonly history: History;
      /** Starting Ray keeps failing here: where this node leads, another should. */
      readonly yieldLead: boolean;
    };

/** How a try to find a role, or a run of Ray, came to its end. */
export type Ended = RunEnd | Exclude<Outcome, { kind: "role" }>;

const CALM_MS = 60_000;
const MAX_DELAY_MS = 30_000;
/** What it did before is not held against it: the cause is elsewhere. But even a node that follows its HEAD at once starts Ray twice a second at most. */
const FOLLOW_MS = 500;

/** So many restarts in a row, the last of which did not even get Ray to work, are no accident any more. */
const YIELD_LEAD_AFTER = 3;

/**
 * What follows from an end. Pure. A node that never worked ends with its failure, so that its user sees it and the
 * restart policy acts; only a Ray that was too slow to start gets another try. One that did work is not given up: it
 * starts again, at once where another node is the cause, else after 0, 1, 2, 4 … 30 s; a minute of life as a member
 * (`aliveMs`: how long the cluster counted this run as living) forgets what was before.
 */
export function afterEnd(ended: Ended, before: History, aliveMs: number, maxRestarts: number | null): Next {
  if (ended.kind === "stopped") return ended;
  const member = before.member || hasWorked(ended);
  if (ended.kind === "failed" && !mayPass(ended.failure, member, before.recent)) return ended;
  const { recent, followed } = aliveMs >= CALM_MS ? NEWBORN : before;
  const restarts = recent + followed;
  if (maxRestarts !== null && restarts >= maxRestarts)
    return { kind: "failed", failure: { reason: "too-many-restarts", restarts } };
  if (isFollowing(ended)) {
    const delayMs = followed === 0 ? 0 : FOLLOW_MS;
    return { kind: "again", delayMs, history: { member, recent, followed: followed + 1 }, yieldLead: false };
  }
  const history = { member, recent: recent + 1, followed };
  const yieldLead = ended.kind === "failed" && history.recent >= YIELD_LEAD_AFTER;
  return { kind: "again", delayMs: backOff(recent), history, yieldLead };
}

const backOff = (recent: number): number =>
  recent === 0 ? 0 : Math.min(1000 * 2 ** (recent - 1), MAX_DELAY_MS);

/** Ray refuses wrong options in a second or two; its own time-outs on a busy machine come after half a minute. */
const SLOW_MS = 10_000;
/** So often a newborn tries again before its user sees it end: where Ray itself timed out; and where its raylet ended, which is sooner. */
const TIMED_OUT_TRIES = 2;
const RAYLET_TRIES = 4;

/** What may have passed at the next try of a node that worked before. */
const PASSING = new Set<Failure["reason"]>([
  "no-head-in-time",
  "not-ready-in-time",
  "ray-exited",
  "raylet-ended",
  "port-taken",
  "state-unwritable",
  "store-failed",
  "no-guard",
]);

/** A HEAD that is away may come back, and a start may fail for want of it; a wrong token stays wrong. */
function mayPass(failure: Failure, member: boolean, recent: number): boolean {
  if (member) return PASSING.has(failure.reason);
  if (failure.reason === "raylet-ended") return recent < RAYLET_TRIES;
  return failure.reason === "ray-exited" && failure.ranMs >= SLOW_MS && recent < TIMED_OUT_TRIES;
}

function hasWorked(ended: Ended): boolean {
  return ended.kind === "moved" || (ended.kind === "fault" && ended.fault.kind !== "head-lost-in-start");
}

const FOLLOWED = new Set<Fault["kind"]>(["head-restarted", "superseded", "outranked", "head-lost-in-start"]);

/** True where another node is the cause, so that waiting would help nobody. */
function isFollowing(ended: Ended): boolean {
  if (ended.kind === "moved") return true;
  // It has only looked, and it goes on looking.
  if (ended.kind === "failed") return ended.failure.reason === "no-head-in-time";
  return ended.kind === "fault" && FOLLOWED.has(ended.fault.kind);
}
