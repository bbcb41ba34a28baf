import { type Address, formatAddress, parseAddress, sameAddress } from "../common/address.ts";
import type { Failure } from "../common/failure.ts";
import { unreachable } from "../common/result.ts";
import type { RayGcs, Sighting } from "../common/sighting.ts";
import type { Config } from "./config.ts";
import type { Facts, LeaseFact } from "./facts.ts";

/** Which rule of the decision made it; the numbers are those of the README's decision table. */
export type Rule =
  | "1-explicit-head"
  | "2-not-a-candidate"
  | "3-head-found"
  | "3-head-lease"
  | "3-whitelist-order"
  | "4-no-health-service";

export type Decision =
  | { readonly role: "head"; readonly rule: Rule; readonly epoch: number | null }
  | { readonly role: "worker"; readonly rule: Rule; readonly head: RayGcs }
  /** Nothing stands against this node as HEAD but the lease, which is to be asked for. */
  | { readonly role: "ask-lease"; readonly rule: Rule; readonly others: "answered" | "silent" }
  /** Look again after `retryMs`. */
  | { readonly role: "wait"; readonly rule: Rule; readonly waitingFor: WaitReason; readonly retryMs: number }
  | { readonly role: "none"; readonly rule: Rule; readonly failure: Failure };

export type WaitReason =
  | { readonly kind: "head"; readonly addresses: readonly Address[] }
  | { readonly kind: "lease-holder"; readonly node: string; readonly address: string; readonly epoch: number }
  | { readonly kind: "lease"; readonly reason: string; readonly message: string }
  | {
      readonly kind: "takeover";
      readonly node: string;
      readonly epoch: number;
      readonly remainingMs: number | null;
    }
  | { readonly kind: "second-look"; readonly remainingMs: number; readonly place: number };

/** How soon a wait looks again: a probe costs 3 ms, and every second here is a second of rejoining. */
const LOOK_AGAIN_MS = 500;

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

/** This node's place in the whitelist, or -1. */
export function placeOf(config: Pick<Config, "node" | "whitelist">): number {
  return config.whitelist.findIndex((each) => each.name.toLowerCase() === config.node.toLowerCase());
}

export function isCandidate(config: Pick<Config, "node" | "whitelist">): boolean {
  return placeOf(config) >= 0;
}

/** Every address at which a HEAD may be, but this node's own: what the probes ask. */
export function possibleHeads(config: Config): readonly { name: string | null; address: Address }[] {
  if (config.explicitHead?.isThisNode) return [];
  if (config.explicitHead !== null) {
    const { address } = config.explicitHead;
    const named = config.whitelist.find((each) => sameAddress(each.address, address));
    return [{ name: named?.name ?? null, address }];
  }
  return config.whitelist.filter((_, i) => i !== placeOf(config));
}

function decideExplicit(
  config: Config,
  explicit: NonNullable<Config["explicitHead"]>,
  facts: Facts,
): Decision {
  const rule = "1-explicit-head";
  if (explicit.isThisNode) return { role: "head", rule, epoch: null };
  return findHead(facts, rule) ?? waitForHead(config, facts, rule);
}

/** A HEAD that answers is joined; the lease's holder first, then in the order of the whitelist. */
function findHead(facts: Facts, rule: Rule): Decision | null {
  const holder = facts.health.kind === "lease" ? facts.health.view.holder : null;
  const answers = facts.heads.map((each) => each.sighting);
  const living = answers.filter((each) => each.kind === "ray-gcs");
  const head = living.find((each) => formatAddress(each.address) === holder?.address) ?? living[0];
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

function decideByLease(config: Config, facts: Facts): Decision {
  const rule = "3-head-lease";
  const { lease } = facts;
  if (lease === null)
    return mayTakeOver(config, facts, rule) ?? { role: "ask-lease", rule, others: othersOf(facts) };
  if (lease.kind === "granted") return { role: "head", rule, epoch: lease.epoch };
  if (expired(config, facts)) return noHead(facts, rule, whyNoLease(lease));
  if (lease.kind === "no-answer") return waitForLease(rule, "no-answer", lease.cause, LOOK_AGAIN_MS);
  return decideRefused(config, lease, rule);
}

/**
 * Where another HEAD has served, its lease's end is not enough: it must also have been out of this node's own reach
 * for RAY_EP_TAKEOVER_AFTER. Null when nothing stands against asking for the lease.
 */
function mayTakeOver(config: Config, facts: Facts, rule: Rule): Decision | null {
  const holder = facts.health.kind === "lease" ? facts.health.view.holder : null;
  if (holder === null || holder.clusterId === null || holder.address === formatAddress(config.ownAddress))
    return null;
  const after = config.values.RAY_EP_TAKEOVER_AFTER;
  // Strict: a HEAD without its lease has ended its Ray before the lease's end, so nothing more is to be waited for.
  const unseenMs = config.fencing === "strict" ? 0 : after - facts.headUnseenMs;
  const remainingMs = after === 0 ? null : Math.max(unseenMs, holder.expiresIn * 1000);
  if (remainingMs !== null && remainingMs <= 0) return null;
  if (expired(config, facts))
    return noHead(
      facts,
      rule,
      `the head lease is ${holder.node}'s, whose GCS at ${holder.address} does not serve`,
    );
  const waitingFor = { kind: "takeover", node: holder.node, epoch: holder.epoch, remainingMs } as const;
  return { role: "wait", rule, waitingFor, retryMs: LOOK_AGAIN_MS };
}

function decideRefused(config: Config, lease: Extract<LeaseFact, { kind: "refused" }>, rule: Rule): Decision {
  const { reason, message, holder, retryAfter } = lease;
  const retryMs = Math.max(LOOK_AGAIN_MS, Math.min(retryAfter * 1000, 2000));
  switch (reason) {
    case "held":
      return holder === null
        ? waitForLease(rule, reason, message, retryMs)
        : { role: "wait", rule, waitingFor: { kind: "lease-holder", ...holder }, retryMs: LOOK_AGAIN_MS };
    case "same-name":
    case "quiet-period":
    case "stale-epoch":
    case "storage":
      return waitForLease(rule, reason, message, retryMs);
    case "duplicate-name":
      return { role: "none", rule, failure: { reason: "duplicate-name", node: config.node, message } };
    case "not-a-candidate":
      return { role: "none", rule, failure: { reason: "not-a-candidate", node: config.node, message } };
    default:
      return unreachable(reason);
  }
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
function othersOf(facts: Facts): "answered" | "silent" {
  const silent = facts.heads.some(
    ({ sighting }) => sighting.kind === "timeout" || sighting.kind === "unreachable",
  );
  return silent ? "silent" : "answered";
}

/**
 * Without a lease the first in the list goes first; each further one looks again after an earlier one had time to start.
 * The second waits two steps, since a first one that the health service is out of reach of has waited one (rule 4).
 */
function decideByOrder(config: Config, facts: Facts): Decision {
  if (config.fencing === "strict") return waitForHead(config, facts, "3-whitelist-order");
  const place = placeOf(config);
  const steps = place === 0 ? 0 : place + 1;
  return headAfter(steps * config.values.RAY_EP_SECOND_LOOK, config, facts, "3-whitelist-order");
}

/**
 * With the health service out of reach only the first candidate may lead, and, as another may just be starting under a
 * lease that we cannot see, only after a second look.
 */
function decideWithoutHealth(config: Config, facts: Facts): Decision {
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

function waitForHead(config: Config, facts: Facts, rule: Rule): Decision {
  if (expired(config, facts)) return noHead(facts, rule, whyNoHead(config, facts));
  const addresses = facts.heads.map((each) => each.sighting.address);
  return { role: "wait", rule, waitingFor: { kind: "head", addresses }, retryMs: LOOK_AGAIN_MS };
}

function whyNoHead(config: Config, facts: Facts): string {
  const { health } = facts;
  if (health.kind === "down")
    return `the health service is down (${health.cause}), so this node may not become HEAD`;
  return health.kind === "plain" && config.fencing === "strict"
    ? "strict fencing (RAY_REDIS_ADDRESS or RAY_EP_FENCING) wants a head lease, and the health service keeps none"
    : "no address answered as a Ray GCS";
}

const expired = (config: Config, facts: Facts): boolean => facts.waitedMs >= config.values.WAIT_FOR_HEAD;

function noHead(facts: Facts, rule: Rule, why: string): Decision {
  const sightings = facts.heads.map((each) => each.sighting);
  return {
    role: "none",
    rule,
    failure: {
      reason: "no-head-in-time",
      waitedMs: facts.waitedMs,
      sightings,
      why: why + whereTheHeadIs(facts),
    },
  };
}

/** What a node that was sent to the wrong address needs to know. */
function whereTheHeadIs({ health, heads }: Facts): string {
  const holder = health.kind === "lease" ? health.view.holder : null;
  const asked = heads.some(({ sighting }) => formatAddress(sighting.address) === holder?.address);
  return holder === null || holder.expiresIn <= 0 || asked
    ? ""
    : `; by the head lease the HEAD is ${holder.node} at ${holder.address}`;
}

/** The address of the lease's holder, where it is one that the whitelist does not know. */
export function holderAddress(facts: Pick<Facts, "health">): Address | null {
  const holder = facts.health.kind === "lease" ? facts.health.view.holder : null;
  const parsed = holder === null ? null : parseAddress(holder.address);
  return parsed?.ok ? parsed.value : null;
}
