import { formatAddress } from "../../common/address.ts";
import type { ReachAnswer } from "../../common/protocol/reach.ts";
import { unreachable } from "../../common/result.ts";
import type { WaitReason } from "../election/decide/decision.ts";
import type { Step } from "../state.ts";
import type { Event } from "./event.ts";

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** One line for each change of the node's state, with its reason. */
export function renderState({ from, to, step }: Extract<Event, { type: "state" }>): string {
  return `→ State: ${from} → ${to} (${renderStep(step)})`;
}

function renderStep(step: Step): string {
  switch (step.kind) {
    case "wait":
      return "no HEAD to join or to be yet";
    case "start":
      return step.role.role === "head" ? "as HEAD" : `as WORKER of ${formatAddress(step.role.head)}`;
    case "alive":
      return `the GCS lists node ${step.nodeId.slice(0, 8)} as ALIVE`;
    case "watch":
      return `a look every ${seconds(step.everyMs)}`;
    case "restart":
      return `restart ${step.restarts} ${step.delayMs > 0 ? `in ${seconds(step.delayMs)}` : "at once"}`;
    case "decide":
      return "who is HEAD now?";
    case "stop":
      return step.signal;
    case "over":
      return "the end";
    default:
      return unreachable(step);
  }
}

/** What a node waits for, and for how long where that is known. */
export function renderWait(reason: WaitReason): string {
  switch (reason.kind) {
    case "head":
      return `for a HEAD at ${reason.addresses.map(formatAddress).join(" or ")}`;
    case "lease-holder":
      return `for ${reason.node}, which holds the head lease (epoch ${reason.epoch}), to serve at ${reason.address}`;
    case "lease":
      return `for the head lease (${reason.reason}): ${reason.message}`;
    case "takeover":
      return `for ${reason.node} (epoch ${reason.epoch}) to come back; ${reason.remainingMs === null ? "RAY_EP_TAKEOVER_AFTER=0 forbids to take over" : `takeover in ${seconds(reason.remainingMs)} at the earliest`}`;
    case "second-look":
      return `${seconds(reason.remainingMs)} for a HEAD to show itself; this node is number ${reason.place} in the whitelist`;
    default:
      return unreachable(reason);
  }
}

/** How the health service, dialling back, met this node; a failure names the mapping that is missing. */
export function renderReachBack({ port, answer }: Extract<Event, { type: "reach-back" }>): string[] {
  if (!answer.ok) return [`→ Reach-back not checked on port ${port}: ${answer.error}`];
  const { result, message, from, to } = answer.value;
  if (result === "reached") return [`✓ Others reach this node at ${to} (asked from ${from})`];
  if (result === "busy" || result === "not-known")
    return [`→ Reach-back not checked on port ${port}: ${message}`];
  return [
    `✗ Others cannot reach this node at ${to ?? `port ${port}`}: ${message}; the HEAD will count it as dead`,
    `  → ${FIX[result]}`,
  ];
}

const FIX: Readonly<Record<Exclude<ReachAnswer["result"], "reached" | "busy" | "not-known">, string>> = {
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
