import type { Address } from "../../common/address.ts";
import type { Plan } from "./command.ts";

/** What one look at a running node showed. */
export interface Snapshot {
  /** What the HEAD's GCS answered; `alive`: it counts this very node as living. */
  readonly gcs:
    | { readonly kind: "serves"; readonly clusterId: string; readonly alive: boolean }
    | { readonly kind: "silent"; readonly cause: string };
  /** The node's own agent on /api/healthz: it dies with the raylet and answers 503 when the raylet is not well. */
  readonly agent: "well" | "unwell" | "gone" | "unknown";
  /** The raylet's process: state T is a stopped one, which still holds its connections. */
  readonly raylet: "running" | "stopped" | "gone";
}

/** Why a node cannot go on as it is. */
export type Fault =
  /** The HEAD came back with another cluster id: our raylet belongs to a cluster that is no more. */
  | { readonly kind: "head-restarted"; readonly from: string; readonly to: string }
  /** The HEAD went, or came back as another cluster, while this WORKER's Ray still started. */
  | { readonly kind: "head-lost-in-start"; readonly cause: string }
  /** The cluster has declared this node dead. */
  | { readonly kind: "declared-dead" }
  /** Our own GCS does not answer though its process lives. */
  | { readonly kind: "gcs-hangs"; readonly cause: string }
  | { readonly kind: "raylet-gone" }
  | { readonly kind: "raylet-stopped" }
  | { readonly kind: "agent-gone" }
  | { readonly kind: "agent-unwell" }
  /** Another node holds the head lease under a higher epoch: this HEAD must give way. */
  | { readonly kind: "superseded"; readonly by: string; readonly epoch: number }
  /**
   * Another HEAD was seen with a higher epoch, or an earlier place in the whitelist: this one gives way. Epoch 0:
   * none.
   */
  | {
      readonly kind: "outranked";
      readonly node: string;
      readonly address: Address;
      readonly epoch: number;
      readonly ownEpoch: number;
    }
  /** Strict: the lease could not be renewed, and another may soon hold it. */
  | { readonly kind: "lease-lost"; readonly forMs: number }
  /**
   * Only with strict fencing: the guard, which would have ended this HEAD at its deadline, is gone and cannot be
   * replaced.
   */
  | { readonly kind: "guard-lost"; readonly cause: string }
  | { readonly kind: "ray-exited"; readonly exit: string };

/** What follows from the looks so far. */
export type Verdict =
  | { readonly kind: "well" }
  | { readonly kind: "fault"; readonly fault: Fault }
  /** A WORKER's HEAD is out of reach; it may be anywhere, or nowhere. */
  | { readonly kind: "head-out-of-reach"; readonly cause: string };

/** How often in a row each sign was seen. */
export interface Signs {
  readonly gcsSilent: number;
  readonly declaredDead: number;
  readonly agentUnwell: number;
  readonly agentGone: number;
  readonly rayletStopped: number;
  readonly rayletGone: number;
}

export const NO_SIGNS: Signs = {
  gcsSilent: 0,
  declaredDead: 0,
  agentUnwell: 0,
  agentGone: 0,
  rayletStopped: 0,
  rayletGone: 0,
};

/** One lost answer is no sign; three in a row are. A pause of the whole machine costs one. */
const TIMES = 3;
/** The agent answers 503 while it is busy, too; a raylet that hangs stays so. */
const TIMES_UNWELL = 10;

/** What follows from a look in the light of those before it. Pure: also returns the signs to carry on with. */
export function verdictOf(
  before: Signs,
  look: Snapshot,
  role: Plan["role"],
  clusterId: string,
): { verdict: Verdict; signs: Signs } {
  const signs = count(before, look);
  return { verdict: judged(signs, look, role, clusterId), signs };
}

function count(signs: Signs, { gcs, agent, raylet }: Snapshot): Signs {
  const more = (before: number, seen: boolean): number => (seen ? before + 1 : 0);
  return {
    gcsSilent: more(signs.gcsSilent, gcs.kind === "silent"),
    declaredDead: more(signs.declaredDead, gcs.kind === "serves" && !gcs.alive),
    // With the GCS silent the agent is unwell for that reason alone.
    agentUnwell: more(signs.agentUnwell, agent === "unwell" && gcs.kind === "serves"),
    agentGone: more(signs.agentGone, agent === "gone"),
    rayletStopped: more(signs.rayletStopped, raylet === "stopped"),
    rayletGone: more(signs.rayletGone, raylet === "gone"),
  };
}

function judged(signs: Signs, look: Snapshot, role: Plan["role"], clusterId: string): Verdict {
  const fault = (value: Fault): Verdict => ({ kind: "fault", fault: value });
  if (look.gcs.kind === "serves" && look.gcs.clusterId !== clusterId)
    return fault({ kind: "head-restarted", from: clusterId, to: look.gcs.clusterId });
  if (signs.rayletGone >= TIMES) return fault({ kind: "raylet-gone" });
  if (signs.rayletStopped >= TIMES) return fault({ kind: "raylet-stopped" });
  if (signs.agentGone >= TIMES) return fault({ kind: "agent-gone" });
  if (signs.agentUnwell >= TIMES_UNWELL) return fault({ kind: "agent-unwell" });
  if (signs.declaredDead >= TIMES) return fault({ kind: "declared-dead" });
  if (signs.gcsSilent < TIMES || look.gcs.kind === "serves") return { kind: "well" };
  return role === "head"
    ? fault({ kind: "gcs-hangs", cause: look.gcs.cause })
    : { kind: "head-out-of-reach", cause: look.gcs.cause };
}
