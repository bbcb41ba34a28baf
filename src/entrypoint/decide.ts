import { isAt } from "../common/address.ts";
import type { Failure } from "../common/failure.ts";
import { unreachable } from "../common/result.ts";
import type { RayGcs, Sighting } from "../common/sighting.ts";
import type { Config } from "./config.ts";
import { decideByLease, decideOwnHead } from "./decide/by-lease.ts";
import { decideByOrder, decideWithoutHealth } from "./decide/by-order.ts";
import { isCandidate } from "./decide/candidates.ts";
import type { Decision, Rule } from "./decide/decision.ts";
import { waitForHead } from "./decide/no-head.ts";
import type { Facts } from "./facts.ts";

/**
 * Decides what this node is to be. Pure: the same config and facts give the same decision.
 * Never two HEADs that could see each other: a node becomes HEAD only by an explicit address, by the lease, or, where
 * no lease can be had, by its place in the whitelist after a look long enough for an earlier one to show.
 */
export function decide(config: Config, facts: Facts): Decision {
  if (config.explicitHead !== null) return decideExplicit(config, config.explicitHead, facts);
  const found = findHead(facts, isCandidate(config) ? "3-head-found" : "2-not-a-candidate");
  if (found !== null) return found;
  if (!isCandidate(config)) return waitForHead(config, facts, "2-not-a-candidate");
  switch (facts.health.kind) {
    case "lease":
      return decideByLease(config, facts);
    case "plain":
      return decideByOrder(config, facts);
    case "down":
      return decideWithoutHealth(config, facts);
    case "unknown":
      return waitForHead(config, facts, "3-head-found");
    default:
      return unreachable(facts.health);
  }
}

function decideExplicit(
  config: Config,
  explicit: NonNullable<Config["explicitHead"]>,
  facts: Facts,
): Decision {
  const rule = "1-explicit-head";
  if (explicit.isThisNode) return decideOwnHead(config, facts);
  return findHead(facts, rule) ?? waitForHead(config, facts, rule);
}

/** A HEAD that answers is joined; the lease's holder first, then in the order of the whitelist. */
function findHead(facts: Facts, rule: Rule): Decision | null {
  const holder = facts.health.kind === "lease" ? facts.health.view.holder : null;
  const answers = facts.heads.map((each) => each.sighting);
  const living = answers.filter((each) => each.kind === "ray-gcs");
  const head = living.find((each) => holder !== null && isAt(each.address, holder.address)) ?? living[0];
  if (head) return join(head, facts, rule);
  const locked = answers.find((each) => each.kind === "unauthorized");
  return locked ? { role: "none", rule, failure: refusedToken(locked) } : null;
}

function refusedToken(sighting: Extract<Sighting, { kind: "unauthorized" }>): Failure {
  return { reason: "unauthorized", head: sighting.address, detail: sighting.detail };
}

/** Ray refuses a cluster of mixed versions, after minutes and with a long trace; so it is said here at once. */
function join(head: RayGcs, facts: Facts, rule: Rule): Decision {
  const ours = facts.ownRayVersion;
  if (ours === null || ours === head.version) return { role: "worker", rule, head };
  return {
    role: "none",
    rule,
    failure: { reason: "version-differs", head: head.address, theirs: head.version, ours },
  };
}
