import { LEASE_TTL_S, MIN_TTL_S, RENEW_DEADLINE_S } from "../../common/protocol/lease-protocol.ts";
import type { Result } from "../../common/result.ts";
import type { Config } from "../config/config.ts";
import type { Deps } from "../deps.ts";
import type { LeaseFact } from "../election/facts.ts";
import type { Fault } from "../ray/verdict.ts";

/**
 * Another living holder with a higher epoch than ours, or with any if we have none. A holder with our own name may be
 * an earlier run of this node that is dead now, until the service has seen it renew.
 */
export function successorIn(answer: LeaseFact, node: string, epoch: number | null): Fault | null {
  if (answer.kind !== "refused") return null;
  const { holder, reason } = answer;
  if (holder === null || holder.expiresIn <= 0) return null;
  if (holder.node === node && reason !== "duplicate-name") return null;
  return epoch === null || holder.epoch > epoch
    ? { kind: "superseded", by: holder.node, epoch: holder.epoch }
    : null;
}

/** Says what renewals come to, where that changes. Returns the function that is told each answer. */
export function renewalTeller(fencing: Config["fencing"], log: Deps["log"]): (answer: LeaseFact) => void {
  let lastOk: boolean | null = null;
  return (answer) => {
    const ok = answer.kind === "granted";
    // Nothing is lost if the service keeps no lease and this node never had one.
    const expected = ok || (answer.kind === "no-answer" && answer.keepsNone);
    if (ok === lastOk || (expected && lastOk === null)) return;
    lastOk = ok;
    log({ type: "lease-renewal", ok, cause: describe(answer, fencing) });
  };
}

/** What a renewal came to, in words, and what follows from it. */
function describe(answer: LeaseFact, fencing: Config["fencing"]): string {
  if (answer.kind === "granted") return `Head lease renewed again, epoch ${answer.epoch}`;
  const cause = answer.kind === "no-answer" ? answer.cause : answer.message;
  const next =
    fencing === "plain" ? "this HEAD goes on" : `it ends its Ray after ${RENEW_DEADLINE_S} s without`;
  return `Head lease not renewed: ${cause}; ${next}`;
}

/** What the release of a lease came to, in words. */
export function describeRelease(released: Result<void, string>, returning: boolean): string {
  if (!released.ok)
    return `Head lease not released: ${released.error}; it ends by itself in ${LEASE_TTL_S} s`;
  return `Head lease released${returning ? "; other candidates wait for this node to come back" : ""}`;
}

/** A grant that is worth nothing to a strict HEAD. */
export const tooShort = (ttl: number): LeaseFact => ({
  kind: "no-answer",
  cause: `the lease lasts ${ttl} s, and strict fencing wants ${MIN_TTL_S} s at least (RAY_EP_LEASE_TTL of the health service)`,
});
