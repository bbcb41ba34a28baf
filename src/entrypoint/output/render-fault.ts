import { formatAddress } from "../../common/address.ts";
import { unreachable } from "../../common/result.ts";
import type { Fault } from "../ray/verdict.ts";

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** One line for each reason that a node cannot go on as it is. */
export function renderFault(fault: Fault): string {
  switch (fault.kind) {
    case "head-restarted":
      return `The HEAD restarted: cluster ${fault.from.slice(0, 8)} is now ${fault.to.slice(0, 8)}, so this node joins anew`;
    case "head-lost-in-start":
      return `The HEAD went while this node's Ray was starting (${fault.cause}); looking for it`;
    case "declared-dead":
      return "The cluster has declared this node dead";
    case "gcs-hangs":
      return `The GCS of this node gives no answer any more (${fault.cause})`;
    case "raylet-gone":
      return "The raylet of this node is gone, though `ray start` runs on";
    case "raylet-stopped":
      return "The raylet of this node is stopped (process state T)";
    case "agent-gone":
      return "The agent of this node is gone, though `ray start` runs on";
    case "agent-unwell":
      return "The agent of this node says that its raylet is not well";
    case "superseded":
      return `${fault.by} holds the head lease under epoch ${fault.epoch}: this HEAD gives way`;
    case "outranked":
      return `${fault.node} leads as well, at ${formatAddress(fault.address)}, ${renderRank(fault)}: this HEAD gives way`;
    case "lease-lost":
      return `The head lease could not be renewed for ${seconds(fault.forMs)}: this HEAD ends its Ray before another may lead`;
    case "guard-lost":
      return `Ray has lost its guard (${fault.cause}), and strict fencing needs one: this HEAD ends its Ray`;
    case "ray-exited":
      return `Ray ended by itself (${fault.exit})`;
    default:
      return unreachable(fault);
  }
}

function renderRank({ epoch, ownEpoch }: Extract<Fault, { kind: "outranked" }>): string {
  if (epoch === ownEpoch) return "and stands earlier in the whitelist";
  return `under epoch ${epoch}, and this one ${ownEpoch === 0 ? "never had a lease" : `under epoch ${ownEpoch}`}`;
}
