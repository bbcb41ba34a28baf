import { formatAddress } from "../common/address.ts";
import { renderFailure } from "../common/render-failure.ts";
import { renderSighting } from "../common/render-sighting.ts";
import { unreachable } from "../common/result.ts";
import type { Decision } from "./decide/decision.ts";
import type { Event } from "./event.ts";
import type { HealthFact, LeaseFact } from "./facts.ts";
import { renderReachBack, renderState, renderWait } from "./render-state.ts";
import type { Trouble } from "./watch.ts";

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const GIB = 2 ** 30;

/** The words for every event, with the marks of the specification. */
export function render(event: Event): readonly string[] {
  switch (event.type) {
    case "started":
      return [`→ ray-entrypoint ${event.version} on node ${event.node} (pid ${event.pid})`];
    case "candidate":
      return [renderCandidate(event)];
    case "explicit-head":
      return [
        `→ ${event.explicit.variable}=${formatAddress(event.explicit.address)} names ${event.explicit.isThisNode ? "this node" : "the HEAD"} explicitly`,
      ];
    case "health":
      return renderHealth(event.url, event.fact);
    case "heads":
      return event.heads.map(
        ({ sighting }) => `${sighting.kind === "ray-gcs" ? "✓" : "→"} ${renderSighting(sighting)}`,
      );
    case "lease":
      return [renderLease(event.fact)];
    case "decision":
      return renderDecision(event.decision);
    default:
      return renderLife(event);
  }
}

type LifeEvent = Exclude<
  Event,
  { type: "started" | "candidate" | "explicit-head" | "health" | "heads" | "lease" | "decision" }
>;

function renderLife(event: LifeEvent): readonly string[] {
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
      return [`✗ ${renderTrouble(event.trouble)}`];
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

/** The causes first; the very last line says what ended, why, and what to do. */
function renderLastWords({ failure, exitCode }: Extract<Event, { type: "failed" }>): string[] {
  const lines = renderFailure(failure);
  const [what = "", ...rest] = lines;
  const fix = rest.findLast((line) => line.startsWith("→ "));
  const causes = rest.filter((line) => line !== fix);
  return [...causes, `✗ Exit code ${exitCode}: ${[what.replace(/^✗ /, ""), fix].filter(Boolean).join(" ")}`];
}

function renderTrouble(trouble: Trouble): string {
  switch (trouble.kind) {
    case "head-restarted":
      return `The HEAD restarted: cluster ${trouble.from.slice(0, 8)} is now ${trouble.to.slice(0, 8)}, so this node joins anew`;
    case "head-lost-in-start":
      return `The HEAD went while this node's Ray was starting (${trouble.cause}); looking for it`;
    case "declared-dead":
      return "The cluster has declared this node dead";
    case "gcs-hangs":
      return `The GCS of this node gives no answer any more (${trouble.cause})`;
    case "raylet-gone":
      return "The raylet of this node is gone, though `ray start` runs on";
    case "raylet-stopped":
      return "The raylet of this node is stopped (process state T)";
    case "agent-gone":
      return "The agent of this node is gone, though `ray start` runs on";
    case "agent-unwell":
      return "The agent of this node says that its raylet is not well";
    case "superseded":
      return `${trouble.by} holds the head lease under epoch ${trouble.epoch}: this HEAD gives way`;
    case "earlier-head":
      return `${trouble.node} leads as well, at ${formatAddress(trouble.address)}, and stands earlier in the whitelist: this HEAD gives way`;
    case "lease-lost":
      return `The head lease could not be renewed for ${seconds(trouble.forMs)}: this HEAD ends its Ray before another may lead`;
    case "ray-exited":
      return `Ray ended by itself (${trouble.exit})`;
    default:
      return unreachable(trouble);
  }
}

function renderDrained({ how, tookMs }: Extract<Event, { type: "drained" }>): string {
  if (how === "drained") return `✓ Ray ended by itself after ${seconds(tookMs)}`;
  const why = how === "late" ? "it did not end in time" : "a stop at once was asked";
  return `→ Killing Ray after ${seconds(tookMs)}: ${why}`;
}

function renderCandidate(event: Extract<Event, { type: "candidate" }>): string {
  const list = event.whitelist.join(", ");
  if (event.place >= 0)
    return `✓ Node is in head whitelist: ${event.node} is number ${event.place + 1} of ${list}`;
  const nearest = event.nearest === null ? "" : `; the nearest name is ${event.nearest}`;
  return `→ Node is not in head whitelist: ${event.node} is none of ${list}${nearest}`;
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
    case "down":
      return [`✗ Health service is down at ${url} after ${fact.attempts} tries: ${fact.cause}`];
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
      return [`→ HEAD: ${rule}${decision.epoch === null ? "" : ` (epoch ${decision.epoch})`}`, "Mode: head"];
    case "worker":
      return [`→ WORKER: ${rule}; ${renderSighting(decision.head)}`, "Mode: worker"];
    case "wait":
      return [`→ Waiting: ${renderWait(decision.waitingFor)}`];
    case "ask-lease":
    case "none":
      return [];
    default:
      return unreachable(decision);
  }
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
