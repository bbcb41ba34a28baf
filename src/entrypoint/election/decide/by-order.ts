import type { Config } from "../../config/config.ts";
import type { Facts } from "../facts.ts";
import { placeOf, someoneIsSilent } from "./candidates.ts";
import { type Decision, LOOK_AGAIN_MS, type Rule } from "./decision.ts";
import { waitForHead } from "./no-head.ts";

/**
 * Without a lease the first candidate in the list goes first, after a second look if another candidate did not
 * answer. Each later one looks again after the earlier ones had time to start. The second waits two steps, because
 * the first may have waited one.
 */
export function decideByOrder(config: Config, facts: Facts): Decision {
  if (config.fencing === "strict") return waitForHead(config, facts, "3-whitelist-order");
  const place = placeOf(config);
  const steps = place > 0 ? place + 1 : someoneIsSilent(facts) ? 1 : 0;
  return headAfter(steps * config.values.RAY_EP_SECOND_LOOK, config, facts, "3-whitelist-order");
}

/**
 * With the health service out of reach only the first candidate may lead, and, as another may just be starting under a
 * lease that we cannot see, only after a second look.
 */
export function decideWithoutHealth(config: Config, facts: Facts): Decision {
  const rule = "4-no-health-service";
  // Nobody is promoted while the service is out of reach: the HEAD that was lost may hold a lease that we cannot see.
  if (config.fencing === "strict") return waitForHead(config, facts, rule);
  const mayLead = placeOf(config) === 0 ? facts.lastRole !== "worker" : facts.lastRole === "head";
  if (!mayLead) return waitForHead(config, facts, rule);
  return headAfter(config.whitelist.length > 1 ? config.values.RAY_EP_SECOND_LOOK : 0, config, facts, rule);
}

function headAfter(lookMs: number, config: Config, facts: Facts, rule: Rule): Decision {
  const hadHead = facts.lastRole === "worker";
  if (facts.lastRole === "head") return { role: "head", rule, epoch: null };
  if (hadHead && config.values.RAY_EP_TAKEOVER_AFTER === 0) return waitForHead(config, facts, rule);
  const afterMs = hadHead ? config.values.RAY_EP_TAKEOVER_AFTER + lookMs : lookMs;
  const remainingMs = afterMs - facts.headUnseenMs;
  if (remainingMs <= 0) return { role: "head", rule, epoch: null };
  const waitingFor = { kind: "second-look", remainingMs, place: placeOf(config) + 1 } as const;
  return { role: "wait", rule, waitingFor, retryMs: Math.min(LOOK_AGAIN_MS, remainingMs) };
}
