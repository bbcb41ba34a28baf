import { formatAddress, isAt } from "../../../common/address.ts";
import { withoutHead } from "../../../common/probe-result.ts";
import type { Holder } from "../../../common/protocol/lease-protocol.ts";
import type { Config } from "../../config/config.ts";
import type { Facts, LeaseFact } from "../facts.ts";
import { placeOf, someoneIsSilent } from "./candidates.ts";
import { type Decision, LOOK_AGAIN_MS, type Rule } from "./decision.ts";
import { expired, noHead } from "./no-head.ts";

export function decideByLease(config: Config, facts: Facts): Decision {
  const rule = "3-head-lease";
  const { lease } = facts;
  if (lease === null)
    return mayTakeOver(config, facts, rule) ?? { role: "ask-lease", rule, others: othersOf(config, facts) };
  if (lease.kind === "granted") return { role: "head", rule, epoch: lease.epoch };
  if (expired(config, facts)) return noHead(facts, rule, whyNoLease(lease));
  if (lease.kind === "no-answer") return waitForLease(rule, "no-answer", lease.cause, LOOK_AGAIN_MS);
  return decideRefused(config, lease, rule);
}

/**
 * An explicit HEAD needs nobody's vote, but it does not lead beside another that leads under the lease. Plain: it leads
 * also where the service is down or does not count it among the candidates.
 */
export function decideOwnHead(config: Config, facts: Facts): Decision {
  const rule = "1-explicit-head";
  const { lease } = facts;
  const strict = config.fencing === "strict";
  if (lease === null) return { role: "ask-lease", rule, others: strict ? "silent" : "answered" };
  if (lease.kind === "granted") return { role: "head", rule, epoch: lease.epoch };
  const nobodySays = lease.kind === "no-answer" || isUnknownTo(lease);
  if (nobodySays && !strict) return { role: "head", rule, epoch: null };
  if (expired(config, facts)) return noHead(facts, rule, whyNoLease(lease));
  if (lease.kind === "no-answer") return waitForLease(rule, "no-answer", lease.cause, LOOK_AGAIN_MS);
  return decideRefused(config, lease, rule);
}

/** The health service's whitelist does not list this node, or not at this address. */
const isUnknownTo = ({ reason }: Extract<LeaseFact, { kind: "refused" }>): boolean =>
  reason === "not-a-candidate" || reason === "foreign-address";

/** A HEAD that has served and whose lease this node would take. Its address may not be known. */
interface FormerHead extends Pick<Holder, "node" | "epoch" | "returning">, Partial<Pick<Holder, "address">> {
  /** Milliseconds until its lease ends; negative after its end. */
  readonly leftMs: number;
  readonly why: string;
}

/** Null where there was none that has to be waited for. */
function formerHead(config: Config, { health, lastRole }: Facts): FormerHead | null {
  if (health.kind !== "lease") return null;
  const { holder, released, epoch } = health.view;
  if (holder === null) {
    // A HEAD that leads without a lease, or whose service forgot it: only a lease that was given back says that it ended.
    if (lastRole !== "worker" || released !== false || config.fencing === "strict") return null;
    const node = "the HEAD that it worked under";
    return { node, epoch, leftMs: -Infinity, why: "the health service knows no holder of the head lease" };
  }
  // A service that was restarted may know no cluster id; a node that worked in the cluster knows that it was served.
  const served = holder.clusterId !== null || holder.returning || lastRole === "worker";
  if (!served || isAt(config.ownAddress, holder.address)) return null;
  return {
    ...holder,
    leftMs: 1000 * (holder.expiresIn > 0 ? holder.expiresIn : -(holder.endedFor ?? Infinity)),
    why: `the head lease is ${holder.node}'s, whose GCS at ${holder.address} does not serve`,
  };
}

/**
 * Where another HEAD has served, its lease's end is not enough: it must also have been out of this node's own reach
 * for RAY_EP_TAKEOVER_AFTER, and living candidates earlier in the whitelist go first. Null if this node may ask now.
 */
function mayTakeOver(config: Config, facts: Facts, rule: Rule): Decision | null {
  const former = formerHead(config, facts);
  if (former === null) return awaitTurn(config, facts, rule);
  const after = config.values.RAY_EP_TAKEOVER_AFTER;
  // Strict: a HEAD without its lease has ended its Ray before the lease's end, so only its return is to be waited for.
  const waits = config.fencing !== "strict" || former.returning;
  const unseenMs = waits ? after - facts.headUnseenMs : -Infinity;
  const remainingMs =
    after === 0 ? null : Math.max(unseenMs, former.leftMs) + turnMs(config, facts, former.address);
  if (remainingMs !== null && remainingMs <= 0) return null;
  // A takeover that is allowed is waited for, also where WAIT_FOR_HEAD is shorter: a restart would count from the beginning.
  const patienceMs = config.values.WAIT_FOR_HEAD + (remainingMs === null ? 0 : after);
  if (facts.waitedMs >= patienceMs) return noHead(facts, rule, former.why);
  const { node, epoch, returning } = former;
  const waitingFor = { kind: "takeover", node, epoch, returning, remainingMs } as const;
  return { role: "wait", rule, waitingFor, retryMs: Math.min(LOOK_AGAIN_MS, remainingMs ?? LOOK_AGAIN_MS) };
}

/** A released lease is free at once, for the earliest living candidate. */
function awaitTurn(config: Config, facts: Facts, rule: Rule): Decision | null {
  if (facts.health.kind !== "lease") return null;
  const { epoch, releasedBy } = facts.health.view;
  if (releasedBy === undefined) return null;
  const { node, address, ago } = releasedBy;
  const remainingMs = turnMs(config, facts, address) - 1000 * ago;
  if (remainingMs <= 0) return null;
  const waitingFor = { kind: "takeover", node, epoch, remainingMs } as const;
  return { role: "wait", rule, waitingFor, retryMs: Math.min(LOOK_AGAIN_MS, remainingMs) };
}

/**
 * How long this node lets earlier candidates that answered go first, not counting the former HEAD. Each of them may
 * have last seen the HEAD one watch interval later, and needs up to one more pause to finish its look.
 */
function turnMs(config: Config, { heads }: Facts, former: string | undefined): number {
  const earlier = config.whitelist.slice(0, placeOf(config)).map(({ address }) => formatAddress(address));
  const living = heads.filter(({ result }) => {
    const address = formatAddress(result.address);
    return withoutHead(result) && address !== former && earlier.includes(address);
  });
  const lookMs = Math.max(0, ...heads.map(({ result }) => result.ms));
  return living.length * (config.values.RAY_EP_WATCH_INTERVAL + LOOK_AGAIN_MS + lookMs);
}

function decideRefused(config: Config, lease: Extract<LeaseFact, { kind: "refused" }>, rule: Rule): Decision {
  const { reason, message, holder, retryAfter } = lease;
  const retryMs = Math.max(LOOK_AGAIN_MS, Math.min(retryAfter * 1000, 2000));
  if (reason === "duplicate-name" || reason === "not-a-candidate")
    return { role: "none", rule, failure: { reason, node: config.node, message } };
  if (reason !== "held" || holder === null) return waitForLease(rule, reason, message, retryMs);
  return { role: "wait", rule, waitingFor: { kind: "lease-holder", ...holder }, retryMs: LOOK_AGAIN_MS };
}

const waitForLease = (rule: Rule, reason: string, message: string, retryMs: number): Decision => ({
  role: "wait",
  rule,
  waitingFor: { kind: "lease", reason, message },
  retryMs,
});

function whyNoLease(lease: Exclude<LeaseFact, { kind: "granted" }>): string {
  if (lease.kind === "no-answer")
    return `the health service gave no answer about the head lease: ${lease.cause}`;
  const { holder } = lease;
  return holder === null
    ? `the head lease was not granted: ${lease.message}`
    : `the head lease is held by ${holder.node} (epoch ${holder.epoch}), but its GCS at ${holder.address} does not serve`;
}

/** "silent" where a HEAD may live out of sight: only the service's own memory can tell then. */
function othersOf(config: Config, facts: Facts): "answered" | "silent" {
  // Strict: a holder whose GCS only boots is answered for as "refused", and its lease may still be worth something.
  if (config.fencing === "strict") return "silent";
  return someoneIsSilent(facts) ? "silent" : "answered";
}
