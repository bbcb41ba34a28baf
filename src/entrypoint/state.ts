import type { NodeReport } from "../common/protocol/report-protocol.ts";
import type { WaitReason } from "./election/decide/decision.ts";
import type { Role } from "./election/role.ts";

/** Where a node is in its life. */
export type NodeState = NodeReport["state"];

/** What takes a node from one state to the next, with the reason for the log. */
export type Step =
  | { readonly kind: "wait"; readonly reason: WaitReason }
  | { readonly kind: "start"; readonly role: Role }
  | { readonly kind: "alive"; readonly nodeId: string }
  | { readonly kind: "watch"; readonly everyMs: number }
  /** This run is over, whatever the reason; the next one comes after `delayMs`. */
  | { readonly kind: "restart"; readonly delayMs: number; readonly restarts: number }
  | { readonly kind: "decide" }
  | { readonly kind: "stop"; readonly signal: string }
  | { readonly kind: "over" };

const ENDS = { stop: "draining", over: "stopped" } as const;

/**
 *   deciding ──wait──▶ waiting-for-head
 *    │    ▲                  │
 *    │    └─decide──┐     start
 *    └─start──────┐ │        │
 *                 ▼ │        ▼
 *   restarting ─start─▶ starting ──alive──▶ ready ──watch──▶ watching
 *       ▲               │                     │                 │
 *       └───────────────┴────── restart ──────┴─────────────────┘
 *
 *   any of these ──stop──▶ draining ──over──▶ stopped;  any of these ──over──▶ stopped (a failure that is the end)
 */
const CHART: Readonly<Record<NodeState, Partial<Record<Step["kind"], NodeState>>>> = {
  deciding: { wait: "waiting-for-head", start: "starting", restart: "restarting", ...ENDS },
  "waiting-for-head": { wait: "waiting-for-head", start: "starting", restart: "restarting", ...ENDS },
  starting: { alive: "ready", restart: "restarting", ...ENDS },
  ready: { watch: "watching", restart: "restarting", ...ENDS },
  watching: { restart: "restarting", ...ENDS },
  restarting: { decide: "deciding", start: "starting", restart: "restarting", ...ENDS },
  draining: { over: "stopped" },
  stopped: {},
};

/** The state after a step. Pure. Throws where the chart has no such step: that is a bug, not an event. */
export function after(state: NodeState, step: Step): NodeState {
  const next = CHART[state][step.kind];
  if (next === undefined) throw new Error(`no step "${step.kind}" leads out of the state "${state}"`);
  return next;
}
