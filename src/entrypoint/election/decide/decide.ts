import type { Failure } from "../../../common/failure.ts";
import type { ProbeResult, RayGcs } from "../../../common/probe-result.ts";
import { unreachable } from "../../../common/result.ts";
import type { Config } from "../../config/config.ts";
import type { Facts } from "../facts.ts";
import { decideByLease, decideOwnHead } from "./by-lease.ts";
import { decideByOrder, decideWithoutHealth } from "./by-order.ts";
import { holderIn, isHolder, mayLead } from "./candidates.ts";
import type { Decision, Rule } from "./decision.ts";
import { waitForHead } from "./no-head.ts";

/**
 * Decides the role of this node. Pure: the same config and facts give the same decision. Its rules:
 *
 * - If a HEAD answers, join it, whatever else is known.
 * - Silence does not mean absence. If another HEAD may be alive but does not answer, a node leads only with a lease
 *   that was granted knowing this. If no lease can be had, it leads after a second look, in whitelist order.
 * - With strict fencing no node leads without a lease.
 * - A HEAD is succeeded when its lease has ended and, unless fencing is strict, this node could not reach it for
 *   RAY_EP_TAKEOVER_AFTER. Of several possible successors, the living one that is earliest in the whitelist goes
 *   first. Without the health service no node succeeds another.
 *
 * So two nodes can lead at once only while they do not see each other; as soon as they do, other-head.ts ends one.
 */
export function decide(config: Config, facts: Facts): Decision {
  const { explicitHead } = config;
  if (explicitHead?.isThisNode) return decideOwnHead(config, facts);
  const couldLead = mayLead(config);
  const workerRule = explicitHead === null ? "2-not-a-candidate" : "1-explicit-head";
  const found = findHead(facts, couldLead ? "3-head-found" : workerRule);
  if (found !== null) return found;
  if (!couldLead) return waitForHead(config, facts, workerRule);
  switch (facts.health.kind) {
    case "lease":
      return decideByLease(config, facts);
    case "plain":
      return decideByOrder(config, facts);
    case "down":
    case "none":
      return decideWithoutHealth(config, facts);
    case "unknown":
      return waitForHead(config, facts, "3-head-found");
    default:
      return unreachable(facts.health);
  }
}

/** A HEAD that answers is joined; the lease's holder first, then in the order of the whitelist. */
function findHead(facts: Facts, rule: Rule): Decision | null {
  const holder = holderIn(facts);
  // A stable sort: the lease holder first, the others in their order.
  const byRank = facts.heads.toSorted((a, b) => Number(isHolder(b, holder)) - Number(isHolder(a, holder)));
  const answers = byRank.map((each) => each.result);
  const living = answers.filter((each) => each.kind === "ray-gcs");
  const [head] = living;
  if (head) return join(head, facts, rule);
  const failure = answers.map(lockedOut).find((each) => each !== null) ?? null;
  return failure && { role: "none", rule, failure };
}

/** Why a possible HEAD cannot be asked. No node leads beside it. */
function lockedOut(result: ProbeResult): Failure | null {
  const { address: head } = result;
  if (result.kind === "tls") return { reason: "tls-differs", head, result };
  return result.kind === "unauthorized" ? { reason: "unauthorized", head, detail: result.detail } : null;
}

/** Ray refuses a cluster of mixed versions, after minutes and with a long trace; so it is said here at once. */
function join(head: RayGcs, facts: Facts, rule: Rule): Decision {
  const ours = facts.ownRayVersion;
  if (ours === null || ours === head.version) return { role: "worker", rule, head };
  const differs = { head: head.address, theirs: head.version, ours };
  return { role: "none", rule, failure: { reason: "version-differs", ...differs } };
}
