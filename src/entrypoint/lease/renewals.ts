import { RENEW_DEADLINE_S, RENEW_EVERY_S } from "../../common/protocol/lease-protocol.ts";
import type { Config } from "../config/config.ts";
import type { Deps } from "../deps.ts";
import type { LeaseFact } from "../election/facts.ts";
import type { Fault } from "../ray/verdict.ts";
import { successorIn } from "./lease-answer.ts";

const DEADLINE_MS = RENEW_DEADLINE_S * 1000;

/** The lease that is renewed (lease.ts). */
interface Renewed {
  readonly heldEpoch: number | null;
  readonly untilMs: number;
  readonly ask: (others: "silent") => Promise<LeaseFact>;
}

/**
 * Renews every two seconds, and asks again for a lease that could not be had. Resolves with why this node may lead no more, or
 * with null when `signal` aborts first. `tell` is called with each answer.
 */
export async function untilLost(
  lease: Renewed,
  { node, fencing }: Config,
  tell: (answer: LeaseFact) => void,
  clock: Deps["clock"],
  signal: AbortSignal,
): Promise<Fault | null> {
  // Only a strict HEAD has a deadline.
  const leftMs = () => (fencing === "strict" ? lease.untilMs - clock.bootMs() : Number.POSITIVE_INFINITY);
  const untilNextMs = () => Math.min(RENEW_EVERY_S * 1000, Math.max(0, leftMs()));
  while (await clock.pause(untilNextMs(), signal)) {
    // After a pause of the whole machine the time is over before another request: a service that forgot would grant it.
    const late = expired(leftMs());
    if (late !== null) return late;
    const answer = await lease.ask("silent");
    if (signal.aborted) return null;
    tell(answer);
    const fault = successorIn(answer, node, lease.heldEpoch) ?? expired(leftMs());
    if (fault !== null) return fault;
  }
  return null;
}

/**
 * Two GCSes on one store corrupt it, so that a strict HEAD that cannot renew must end before its lease does
 * (docs/faults.md 4.5); also one whose epoch is over: it led under a lease, and that one's time runs on.
 */
const expired = (leftMs: number): Fault | null =>
  leftMs <= 0 ? { kind: "lease-lost", forMs: DEADLINE_MS - leftMs } : null;
