import type { Failure } from "../../common/failure.ts";
import type { Config } from "../config/config.ts";
import type { Deps } from "../deps.ts";
import type { Event } from "../output/event.ts";
import { unlessAborted } from "../stop-request.ts";
import type { Absence } from "./absence.ts";
import { type Collected, collect } from "./collect.ts";
import { unlistedHolder } from "./decide/candidates.ts";
import { decide } from "./decide/decide.ts";
import type { Decision, WaitReason } from "./decide/decision.ts";
import type { Facts, HealthFact, LeaseFact } from "./facts.ts";
import type { Role } from "./role.ts";

/** Where an election ends: this node has a role, may not have one, or was asked to stop. */
export type Outcome =
  | { readonly kind: "role"; readonly role: Role; readonly decision: Decision }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "stopped" };

/** What an election needs to know of the node for which it is held. */
export interface Elector {
  readonly config: Config;
  readonly ownRayVersion: string | null;
  /** Aborts when the node is asked to stop, or the search is no longer needed. */
  readonly stop: AbortSignal;
  readonly lastRole: Facts["lastRole"];
  readonly absence: Absence;
  readonly askLease: (others: "answered" | "silent") => Promise<LeaseFact>;
  /** Called at each look with what this node has to wait for. */
  readonly onWait: (reason: WaitReason) => void;
}

export type ElectDeps = Pick<Deps, "clock" | "health" | "probe" | "log">;

/** Collects facts and decides, again and again, until this node has a role, may not have one, or is asked to stop. */
export async function elect(elector: Elector, deps: ElectDeps): Promise<Outcome> {
  const { config, absence, stop } = elector;
  const { clock } = deps;
  const began = clock.now();
  const say = onlyChanges(deps.log);
  const sayHealth = healthTeller(elector, say);
  for (;;) {
    const late = clock.now() - began >= config.values.WAIT_FOR_HEAD;
    // A probe may take seconds; a stop does not wait for it.
    const collected = await unlessAborted(collectOnce(elector, deps, late), stop);
    if (collected === null) return { kind: "stopped" };
    const { healthInTheEnd, ...seen } = collected;
    sayHealth(seen.health, healthInTheEnd);
    if (seen.heads.some(({ result }) => result.kind === "ray-gcs")) absence.seen();
    say({ type: "heads", heads: seen.heads });
    const { ownRayVersion, lastRole } = elector;
    const waited = { waitedMs: clock.now() - began, headUnseenMs: absence.sinceMs(began) };
    const facts = { ...seen, ...waited, lease: null, ownRayVersion, lastRole };
    const decision = await decideWithLease(facts, elector, say);
    say({ type: "decision", decision });
    if (decision.role !== "worker") sayUnlisted(facts, config, say);
    const outcome = outcomeOf(decision);
    if (outcome !== null) return outcome;
    if (decision.role === "wait") elector.onWait(decision.waitingFor);
    const retryMs = decision.role === "wait" ? decision.retryMs : 0;
    if (!(await clock.pause(retryMs, stop))) return { kind: "stopped" };
  }
}

/** Says what the health service answered, also where nobody waited for it, so that it was asked just once. */
function healthTeller({ config, stop }: Elector, say: (event: Event) => void) {
  let last: Collected["healthInTheEnd"];
  return (fact: HealthFact, inTheEnd: Collected["healthInTheEnd"]): void => {
    const tell = (each: HealthFact) =>
      say({ type: "health", url: config.values.HEALTH_URL?.join(", ") ?? "none", fact: each });
    last = inTheEnd;
    if (fact.kind !== "unknown") tell(fact);
    else
      void inTheEnd.then((late) => {
        if (last === inTheEnd && !stop.aborted && late.kind !== "down") tell(late);
      });
  };
}

function sayUnlisted(facts: Facts, config: Config, say: (event: Event) => void): void {
  const stranger = unlistedHolder(config, facts);
  if (stranger !== null) say({ type: "unlisted-holder", node: stranger.node, address: stranger.address });
}

/** A node that is about to give up waits for the health service too: it may know where the HEAD is. */
async function collectOnce({ config, stop }: Elector, deps: ElectDeps, late: boolean): Promise<Collected> {
  const seen = await collect(config, deps, stop);
  if (!late || seen.health.kind !== "unknown") return seen;
  return { ...seen, health: await seen.healthInTheEnd };
}

/** Null where this node has to look again. */
function outcomeOf(decision: Decision): Outcome | null {
  if (decision.role === "head" || decision.role === "worker")
    return { kind: "role", role: roleOf(decision), decision };
  return decision.role === "none" ? { kind: "failed", failure: decision.failure } : null;
}

/** What a node is by that decision; "ask-lease": if the lease is granted. Pure. */
export const roleOf = (decision: Exclude<Decision, { role: "wait" | "none" }>): Role =>
  decision.role === "worker"
    ? { role: "worker", head: decision.head.address }
    : { role: "head", byOrder: decision.rule === "3-whitelist-order" };

async function decideWithLease(
  facts: Facts,
  { config, askLease }: Elector,
  say: (event: Event) => void,
): Promise<Decision> {
  const decision = decide(config, facts);
  if (decision.role !== "ask-lease") return decision;
  const lease = await askLease(decision.others);
  say({ type: "lease", fact: lease });
  return decide(config, { ...facts, lease });
}

/** A wait repeats itself twice a second; only what is new is said. */
function onlyChanges(log: (event: Event) => void): (event: Event) => void {
  const last = new Map<string, string>();
  return (event) => {
    const gist = JSON.stringify(event, (key, value: unknown) => (VOLATILE.has(key) ? undefined : value));
    if (last.get(event.type) === gist) return;
    last.set(event.type, gist);
    log(event);
  };
}

/** Numbers that change with every look and say nothing new. */
const VOLATILE = new Set(
  "ms remainingMs retryMs uptime expiresIn endedFor ago nodes retryAfter message waitedMs".split(" "),
);
