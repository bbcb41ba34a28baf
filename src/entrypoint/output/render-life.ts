import { formatAddress } from "../../common/address.ts";
import { renderFailure } from "../../common/failure.ts";
import { unreachable } from "../../common/result.ts";
import type { Event } from "./event.ts";
import { renderFault } from "./render-fault.ts";
import { renderReachBack, renderState } from "./render-state.ts";

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const GIB = 2 ** 30;

type LifeEvent = Exclude<
  Event,
  {
    type:
      | "started"
      | "candidate"
      | "own-interface"
      | "ray-auth"
      | "misspelt"
      | "said"
      | "explicit-head"
      | "health"
      | "heads"
      | "lease"
      | "decision";
  }
>;

/** The words for what happens to a node from the start of its Ray to its end. */
export function renderLife(event: LifeEvent): readonly string[] {
  switch (event.type) {
    case "installing":
      return [`→ Installing ${event.file}`];
    case "starting":
      return [`→ ${event.command.join(" ")}`];
    case "ready":
      return renderReady(event);
    case "head-out-of-reach":
      return event.cause === null
        ? [`✓ The HEAD at ${formatAddress(event.head)} answers again`]
        : [`✗ The HEAD at ${formatAddress(event.head)} is out of reach (${event.cause}); looking for it`];
    case "trouble":
      return [`✗ ${renderFault(event.trouble)}`];
    case "state-of-cluster":
      return [renderStateOfCluster(event)];
    case "stepped-aside":
      return ["✗ This HEAD cannot start its Ray: the head lease is given back, so that another may lead"];
    case "setback":
      return renderFailure(event.failure);
    case "state":
      return [renderState(event)];
    case "sessions-put-aside":
      return [`→ Earlier sessions of Ray lie in ${event.folder}/old-sessions: ${event.names.join(", ")}`];
    case "reach-back":
      return renderReachBack(event);
    case "warning":
      return [`✗ Warning: ${event.what}`, `  → ${event.fix}`];
    case "unlisted-holder":
      return renderUnlisted(event);
    case "guard":
      return renderGuard(event.cause);
    case "lease-renewal":
      return [event.ok ? `✓ ${event.cause}` : `✗ ${event.cause}`];
    case "stopping":
      return [`→ ${event.signal}: ${event.urgent ? "stopping Ray now" : "draining and stopping Ray"}`];
    case "drained":
      return [renderDrained(event)];
    case "cleared":
      return event.clear
        ? [`→ Killed ${event.processes} processes that Ray left behind`]
        : [`✗ Ray left ${event.processes} processes that do not die`];
    case "stopped":
      return [`✓ Stopped on ${event.signal} after ${seconds(event.tookMs)}`];
    case "failed":
      return renderLastWords(event);
    default:
      return unreachable(event);
  }
}

function renderUnlisted({ node, address }: Extract<Event, { type: "unlisted-holder" }>): string[] {
  return [
    `✗ Warning: the health service says that ${node} leads at ${address}, but that address is not in this node's HEAD_WHITELIST, so this node does not join it`,
    `  → If ${node} belongs to your cluster, add ${node}=${address} to HEAD_WHITELIST here, or set HEAD_ADDRESS=${address}.`,
  ];
}

/** The causes first; the very last line says what ended, why, and what to do. */
function renderLastWords({ failure, exitCode }: Extract<Event, { type: "failed" }>): string[] {
  const lines = renderFailure(failure);
  const [what = "", ...rest] = lines;
  const fix = rest.findLast((line) => line.startsWith("→ "));
  const causes = rest.filter((line) => line !== fix);
  return [...causes, `✗ Exit code ${exitCode}: ${[what.replace(/^✗ /, ""), fix].filter(Boolean).join(" ")}`];
}

function renderGuard(cause: string | null): string[] {
  if (cause === null) return ["✓ Ray's guard runs again"];
  return [
    `✗ Warning: Ray has no guard, so it keeps running if this program is killed: ${cause}`,
    "  → Find out what kills processes here, and check that /bin/bash exists and that this container may start more processes.",
  ];
}

function renderStateOfCluster({ from, to }: Extract<Event, { type: "state-of-cluster" }>): string {
  const [old, now] = [from.slice(0, 8), to.slice(0, 8)];
  return from === to
    ? `✓ The cluster is the same, ${now}: its KV store, detached actors and jobs live on (Redis)`
    : `→ The cluster's state is new: ${now} takes the place of ${old}, whose actors, jobs and objects are gone (only RAY_REDIS_ADDRESS keeps them)`;
}

const WHY_KILLED = {
  late: "it did not end in time",
  urgent: "a stop at once was asked",
  headless: "the HEAD is gone, so there is nobody to drain to",
  superseded: "another node has its place, so there is nothing to drain",
} as const;

function renderDrained({ how, tookMs }: Extract<Event, { type: "drained" }>): string {
  if (how === "drained") return `✓ Ray ended by itself after ${seconds(tookMs)}`;
  return `→ Killing Ray after ${seconds(tookMs)}: ${WHY_KILLED[how]}`;
}

function renderReady(event: Extract<Event, { type: "ready" }>): string[] {
  const first =
    event.role === "head" ? "✓ Ray cluster is ready!" : "✓ Ray worker successfully joined the cluster!";
  const { CPU = 0, GPU = 0, memory = 0, object_store_memory: store = 0 } = event.resources;
  const gpus = GPU > 0 ? `, ${GPU} GPU` : "";
  return [
    `${first} (${seconds(event.tookMs)})`,
    `  address ${formatAddress(event.address)}, Ray ${event.version}, cluster ${event.clusterId.slice(0, 8)}, node ${event.nodeId.slice(0, 8)}`,
    `  resources ${CPU} CPU${gpus}, ${(memory / GIB).toFixed(1)} GiB memory, ${(store / GIB).toFixed(1)} GiB object store`,
  ];
}
