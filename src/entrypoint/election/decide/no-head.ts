import { isAt } from "../../../common/address.ts";
import type { Config } from "../../config/config.ts";
import type { Facts } from "../facts.ts";
import { holderIn } from "./candidates.ts";
import { type Decision, LOOK_AGAIN_MS, type Rule } from "./decision.ts";

export function waitForHead(config: Config, facts: Facts, rule: Rule): Decision {
  if (expired(config, facts)) return noHead(facts, rule, whyNoHead(config, facts));
  const addresses = facts.heads.map((each) => each.result.address);
  return { role: "wait", rule, waitingFor: { kind: "head", addresses }, retryMs: LOOK_AGAIN_MS };
}

function whyNoHead(config: Config, facts: Facts): string {
  const { health } = facts;
  if (health.kind === "none")
    return "there is no health service (HEALTH_URL=none), so only the first host in the whitelist may become HEAD";
  if (health.kind === "down")
    return `the health service is down (${health.cause}), so this node may not become HEAD`;
  return health.kind === "plain" && config.fencing === "strict"
    ? "strict fencing (RAY_REDIS_ADDRESS or RAY_EP_FENCING) wants a head lease, and the health service keeps none"
    : "no address answered as a Ray GCS";
}

export const expired = (config: Config, facts: Facts): boolean =>
  facts.waitedMs >= config.values.WAIT_FOR_HEAD;

export function noHead(facts: Facts, rule: Rule, why: string): Decision {
  const found = { results: facts.heads.map(({ result }) => result), why: why + whereTheHeadIs(facts) };
  return { role: "none", rule, failure: { reason: "no-head-in-time", waitedMs: facts.waitedMs, ...found } };
}

/** What a node that was sent to the wrong address needs to know. */
function whereTheHeadIs({ health, heads }: Facts): string {
  const holder = holderIn({ health });
  const asked = heads.some(({ result }) => holder !== null && isAt(result.address, holder.address));
  return holder === null || holder.expiresIn <= 0 || asked
    ? ""
    : `; by the head lease the HEAD is ${holder.node} at ${holder.address}`;
}
