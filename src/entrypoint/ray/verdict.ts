import { type Address, formatAddress } from "../../common/address.ts";
import { seconds, short } from "../../common/output/units.ts";
import type { Members } from "../../common/result.ts";
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

/** Why a node cannot go on as it is, in words. */
const FAULTS = {
  "raylet-gone": () => "The raylet of this node is gone, though `ray start` runs on",
  "raylet-stopped": () => "The raylet of this node is stopped (process state T)",
  "agent-gone": () => "The agent of this node is gone, though `ray start` runs on",
  "agent-unwell": () => "The agent of this node says that its raylet is not well",
  "declared-dead": () => "The cluster has declared this node dead",
  /** Our own GCS does not answer though its process lives. */
  "gcs-hangs": ({ cause }: Caused) => `The GCS of this node no longer answers (${cause})`,
  /** The HEAD came back with another cluster id: our raylet belongs to a cluster that is no more. */
  "head-restarted": ({ from, to }: { from: string; to: string }) =>
    `The HEAD restarted: cluster ${short(from)} is now ${short(to)}, so this node joins again`,
  /** The HEAD was lost, or came back as another cluster, while this WORKER's Ray was starting. */
  "head-lost-in-start": ({ cause }: Caused) =>
    `The HEAD was lost while this node's Ray was starting (${cause}); looking for it`,
  /** Another node holds the head lease under a higher epoch: this HEAD must give way. */
  superseded: ({ by, epoch }: { by: string; epoch: number }) =>
    `${by} holds the head lease under epoch ${epoch}: this HEAD gives way`,
  /** Another HEAD has a higher epoch (0: none), or an earlier place in the whitelist: this one gives way. */
  outranked: (of: { node: string; address: Address; epoch: number; ownEpoch: number }) => {
    const own = of.ownEpoch === 0 ? "never had a lease" : `under epoch ${of.ownEpoch}`;
    const why =
      of.epoch === of.ownEpoch
        ? "and stands earlier in the whitelist"
        : `under epoch ${of.epoch}, and this one ${own}`;
    return `${of.node} leads as well, at ${formatAddress(of.address)}, ${why}: this HEAD gives way`;
  },
  /** Strict: another may soon hold the lease. */
  "lease-lost": ({ forMs }: { forMs: number }) =>
    `The head lease could not be renewed for ${seconds(forMs)}: this HEAD ends its Ray before another may lead`,
  /** Strict: the guard, which would have ended this HEAD at its deadline, cannot be replaced. */
  "guard-lost": ({ cause }: Caused) =>
    `Ray has lost its guard (${cause}), and strict fencing needs one: this HEAD ends its Ray`,
  "ray-exited": ({ exit }: { exit: string }) => `Ray ended by itself (${exit})`,
};
type Caused = Readonly<Record<"cause", string>>;

export type Fault = Members<"kind", typeof FAULTS>;

export const renderFault = (fault: Fault): string => (FAULTS[fault.kind] as (fault: Fault) => string)(fault);

/** What follows from the looks so far. */
export type Verdict =
  | { readonly kind: "well" }
  | { readonly kind: "fault"; readonly fault: Fault }
  /** A WORKER's HEAD is out of reach; it may be anywhere, or nowhere. */
  | { readonly kind: "head-out-of-reach"; readonly cause: string };

/**
 * What is a fault when it was seen so many times in a row, in the order in which they count. One lost answer is no sign,
 * and a pause of the whole machine costs one. The agent answers 503 while it is busy, too; a raylet that hangs stays so.
 */
const SIGNS = [
  { sign: "raylet-gone", times: 3, seen: ({ raylet }: Snapshot) => raylet === "gone" },
  { sign: "raylet-stopped", times: 3, seen: ({ raylet }: Snapshot) => raylet === "stopped" },
  { sign: "agent-gone", times: 3, seen: ({ agent }: Snapshot) => agent === "gone" },
  // With the GCS silent the agent is unwell for that reason alone.
  {
    sign: "agent-unwell",
    times: 10,
    seen: ({ agent, gcs }: Snapshot) => agent === "unwell" && gcs.kind === "serves",
  },
  { sign: "declared-dead", times: 3, seen: ({ gcs }: Snapshot) => gcs.kind === "serves" && !gcs.alive },
  { sign: "gcs-silent", times: 3, seen: ({ gcs }: Snapshot) => gcs.kind === "silent" },
] as const;

/** How often in a row each sign was seen. */
export type Signs = Partial<Record<(typeof SIGNS)[number]["sign"], number>>;

/** What follows from a look in the light of those before it. Pure: also returns the signs to carry on with. */
export function verdictOf(
  before: Signs,
  look: Snapshot,
  role: Plan["role"],
  clusterId: string,
): { verdict: Verdict; signs: Signs } {
  const signs: Signs = {};
  for (const { sign, seen } of SIGNS) signs[sign] = seen(look) ? (before[sign] ?? 0) + 1 : 0;
  return { verdict: judged(signs, look.gcs, role, clusterId), signs };
}

function judged(signs: Signs, gcs: Snapshot["gcs"], role: Plan["role"], clusterId: string): Verdict {
  if (gcs.kind === "serves" && gcs.clusterId !== clusterId)
    return { kind: "fault", fault: { kind: "head-restarted", from: clusterId, to: gcs.clusterId } };
  const first = SIGNS.find(({ sign, times }) => (signs[sign] ?? 0) >= times)?.sign;
  if (first !== undefined && first !== "gcs-silent") return { kind: "fault", fault: { kind: first } };
  if (first === undefined || gcs.kind === "serves") return { kind: "well" };
  const { cause } = gcs;
  return role === "head"
    ? { kind: "fault", fault: { kind: "gcs-hangs", cause } }
    : { kind: "head-out-of-reach", cause };
}
