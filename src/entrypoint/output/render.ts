import { isIPv4 } from "node:net";
import { formatAddress, isLoopback } from "../../common/address.ts";
import { renderProbe } from "../../common/probe-result.ts";
import { headAddressWords, IN_WHITELIST, MODE_LINES } from "../../common/protocol/specification.ts";
import { unreachable } from "../../common/result.ts";
import type { Config } from "../config/config.ts";
import type { Decision } from "../election/decide/decision.ts";
import type { HealthFact, LeaseFact } from "../election/facts.ts";
import type { Event } from "./event.ts";
import { renderLife } from "./render-life.ts";
import { renderWait } from "./render-state.ts";

/** The words for every event, with the marks and lines of the specification (docs/specification.md). */
export function render(event: Event): readonly string[] {
  switch (event.type) {
    case "started":
      return [`→ ray-entrypoint ${event.version} on node ${event.node} (pid ${event.pid})`];
    case "candidate":
      return [renderCandidate(event)];
    case "own-interface":
      return [`→ This node is at ${event.address} (${event.name}), as its whitelist entry says`];
    case "ray-auth":
      return [renderAuth(event)];
    case "said":
      return [`${event.by} | ${event.line}`];
    case "misspelt":
      return [
        `✗ ${event.name} is not a variable of this program, and nothing reads it`,
        event.nearest === null ? "→ --help lists all variables" : `→ Did you mean ${event.nearest}?`,
      ];
    case "explicit-head":
      return renderExplicitHead(event.explicit);
    case "health":
      return renderHealth(event.url, event.fact);
    case "heads":
      return event.heads.map(
        ({ result }) => `${result.kind === "ray-gcs" ? "✓" : "→"} ${renderProbe(result)}`,
      );
    case "lease":
      return [renderLease(event.fact)];
    case "decision":
      return renderDecision(event.decision);
    default:
      return renderLife(event);
  }
}

function renderCandidate(event: Extract<Event, { type: "candidate" }>): string {
  const list = event.whitelist.join(", ");
  if (event.place >= 0) {
    const other = event.calledItself === event.node ? "" : `; this node calls itself ${event.calledItself}`;
    return `${IN_WHITELIST}: ${event.node} is number ${event.place + 1} of ${list}${other}`;
  }
  const nearest = event.nearest === null ? "" : `; the nearest name is ${event.nearest}`;
  const hint = event.alike.length > 1 ? `; it may be any of ${event.alike.join(", ")}` : nearest;
  return `→ Node is not in head whitelist: ${event.node} is none of ${list}${hint}`;
}

function renderAuth(event: Extract<Event, { type: "ray-auth" }>): string {
  const what = event.mode === "token" ? "✓ Ray requires a token" : "→ Ray requires no token";
  const danger = event.open ? "; anybody who can reach this cluster's ports can run code on it" : "";
  return `${what}: ${whyAuth(event)}${danger}`;
}

function whyAuth({ mode, reason, version }: Extract<Event, { type: "ray-auth" }>): string {
  switch (reason) {
    case "given":
      return `RAY_AUTH_MODE=${mode}`;
    case "token-found":
      return "a token was found, and RAY_AUTH_MODE is not set";
    case "no-token":
      return "no token was found (RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH, ~/.ray/auth_token)";
    case "not-told":
      return `a token was found, but Ray ${version} needs RAY_AUTH_MODE=token as well`;
    case "too-old":
      return `Ray ${version} does not support tokens; 2.52 is the first that does`;
    default:
      return unreachable(reason);
  }
}

function renderExplicitHead({
  variable,
  address,
  isThisNode,
}: NonNullable<Config["explicitHead"]>): string[] {
  const words = `→ ${headAddressWords(variable, formatAddress(address))} names ${isThisNode ? "this node" : "the HEAD"} explicitly`;
  // Other loopback addresses distinguish several nodes on one machine.
  const isAnyMachine = isLoopback(address.host) && (address.host === "127.0.0.1" || !isIPv4(address.host));
  return [isAnyMachine ? `${words}; on every machine ${address.host} means that machine itself` : words];
}

function renderHealth(url: string, fact: HealthFact): string[] {
  const ms = `${Math.round(fact.ms)} ms`;
  switch (fact.kind) {
    case "lease": {
      const { holder, epoch } = fact.view;
      const lease =
        holder === null
          ? "nobody holds the head lease"
          : `${holder.node} holds the head lease, epoch ${epoch}`;
      return [`✓ Health service is up at ${url} (${ms}); ${lease}`];
    }
    case "plain":
      return [
        `✓ Health service is up at ${url} (${ms}); it keeps no head lease, so the order of the whitelist decides`,
      ];
    case "none":
      return [
        "→ No health service (HEALTH_URL=none): only the first host in the whitelist becomes HEAD by itself",
      ];
    case "down":
      return [`✗ Health service is down at ${url} after ${fact.attempts} tries (${ms}): ${fact.cause}`];
    case "unknown":
      return [];
    default:
      return unreachable(fact);
  }
}

function renderLease(fact: LeaseFact): string {
  if (fact.kind === "granted")
    return `✓ Head lease granted, epoch ${fact.epoch}, for ${fact.ttl} s at a time`;
  if (fact.kind === "no-answer") return `✗ Head lease: no answer (${fact.cause})`;
  return `→ Head lease not granted (${fact.reason}): ${fact.message}`;
}

const RULES = {
  "1-explicit-head": "an explicit HEAD was given",
  "2-not-a-candidate": "not in the whitelist",
  "3-head-found": "a HEAD is there already",
  "3-head-lease": "the head lease",
  "3-whitelist-order": "the order of the whitelist",
  "4-no-health-service": "no health service",
} as const;

function renderDecision(decision: Decision): string[] {
  const rule = RULES[decision.rule];
  switch (decision.role) {
    case "head":
      return [
        `→ HEAD: ${rule}${decision.epoch === null ? "" : ` (epoch ${decision.epoch})`}`,
        MODE_LINES.head,
      ];
    case "worker":
      return [`→ WORKER: ${rule}; ${renderProbe(decision.head)}`, MODE_LINES.worker];
    case "wait":
      return [`→ Waiting: ${renderWait(decision.waitingFor)}`];
    case "ask-lease":
    case "none":
      return [];
    default:
      return unreachable(decision);
  }
}
