import { formatAddress } from "../../common/address.ts";
import type { RayAuth } from "../../common/auth-token.ts";
import { seconds, short } from "../../common/output/units.ts";
import type { ReachAnswer } from "../../common/protocol/reach-protocol.ts";
import type { Decision, WaitReason } from "../election/decide/decision.ts";
import type { Step } from "../state.ts";

/** Words for each member of a union. */
type Words<U extends { readonly kind: string }> = {
  readonly [K in U["kind"]]: (member: Extract<U, { kind: K }>) => string;
};

export const say = <U extends { readonly kind: string }>(words: Words<U>, member: U): string =>
  (words[member.kind as U["kind"]] as (member: U) => string)(member);

export const warning = (what: string, fix: string): string[] => [`✗ Warning: ${what}`, `  → ${fix}`];

export const RULES: Readonly<Record<Decision["rule"], string>> = {
  "1-explicit-head": "an explicit HEAD was given",
  "2-not-a-candidate": "not in the whitelist",
  "3-head-found": "a HEAD is there already",
  "3-head-lease": "the head lease",
  "3-whitelist-order": "the order of the whitelist",
  "4-no-health-service": "no health service",
};

/** Why Ray requires a token, or requires none. */
export const AUTH: Readonly<Record<RayAuth["reason"], (mode: string, version: string | null) => string>> = {
  given: (mode) => `RAY_AUTH_MODE=${mode}`,
  "token-found": () => "a token was found, and RAY_AUTH_MODE is not set",
  "no-token": () => "no token was found (RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH, ~/.ray/auth_token)",
  "not-told": (_, version) => `a token was found, but Ray ${version} needs RAY_AUTH_MODE=token as well`,
  "too-old": (_, version) => `Ray ${version} does not support tokens; 2.52 is the first that does`,
};

/** Why a store is not used any more. */
export const ASIDE = {
  "other-led": "another node may have led since it was written",
  unknown: "nothing says under which head lease it was written",
  follows: "another node leads now",
  unused: "this HEAD does not use it",
} as const;

/** What a node waits for, and for how long where that is known. */
export const WAITS: Words<WaitReason> = {
  head: ({ addresses }) => `for a HEAD at ${addresses.map(formatAddress).join(" or ")}`,
  "lease-holder": ({ node, epoch, address }) =>
    `for ${node}, which holds the head lease (epoch ${epoch}), to serve at ${address}`,
  lease: ({ reason, message }) => `for the head lease (${reason}): ${message}`,
  takeover: ({ node, epoch, returning, remainingMs }) =>
    `for ${node} (epoch ${epoch})${returning ? ", which stopped with the state of its cluster," : ""} to come back; ${remainingMs === null ? "RAY_EP_TAKEOVER_AFTER=0 forbids a takeover" : `takeover in ${seconds(remainingMs)} at the earliest`}`,
  "second-look": ({ remainingMs, place }) =>
    `${seconds(remainingMs)} for a HEAD to show itself; this node is number ${place} in the whitelist`,
};

/** Why a node's state changes. */
export const STEPS: Words<Step> = {
  wait: () => "no HEAD yet",
  start: ({ role }) => (role.role === "head" ? "as HEAD" : `as WORKER of ${formatAddress(role.head)}`),
  alive: ({ nodeId }) => `the GCS lists node ${short(nodeId)} as ALIVE`,
  watch: ({ everyMs }) => `one check every ${seconds(everyMs)}`,
  restart: ({ restarts, delayMs }) =>
    `restart ${restarts} ${delayMs > 0 ? `in ${seconds(delayMs)}` : "at once"}`,
  decide: () => "who is HEAD now?",
  stop: ({ signal }) => signal,
  over: () => "the end",
};

/** Why Ray is killed before it has drained. */
export const KILLED = {
  late: "it did not end in time",
  urgent: "an immediate stop was asked for",
  headless: "the HEAD is gone, so there is nobody to drain to",
  superseded: "another node has its place, so there is nothing to drain",
} as const;

/** The mapping that is missing where the health service, dialling back, did not reach this node. */
export const REACH_FIX: Readonly<
  Record<Exclude<ReachAnswer["result"], "reached" | "busy" | "not-known">, string>
> = {
  refused:
    "Publish the port: add it to `ports` of this service in the compose file, and map the name to the host that publishes it.",
  timeout:
    "Open the port in the firewall, or correct the address that `extra_hosts` gives this name on the other nodes.",
  "no-route": "Correct the address that `extra_hosts` gives this name on the other nodes.",
  "name-not-found":
    "Add this node's name with the host's address to `extra_hosts` of health and of the main nodes.",
  "wrong-answer":
    "Another program has this port on the host: give NODE_MANAGER_PORT a port of its own and publish that one.",
};
