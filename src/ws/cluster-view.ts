import { type Address, formatAddress } from "../common/address.ts";
import type { ProbeResult, RayGcs } from "../common/probe-result.ts";
import type { NodeInfo } from "../gcs/client.ts";
import { openGcs } from "../gcs/client.ts";
import type { GcsOptions } from "../gcs/link.ts";
import { probeGcs } from "../gcs/probe.ts";

/** A HEAD that answers, and the nodes that its GCS lists, dead ones included. */
export interface ClusterView {
  readonly head: RayGcs;
  readonly nodes: readonly NodeInfo[];
}

const LOOK_TIMEOUT_MS = 2000;

/** Where the HEADs of a cluster can be, and how to ask them. */
export interface Sight extends GcsOptions {
  readonly headAddresses: readonly Address[];
}

/** What each address answered when it was asked for a GCS. */
export interface Look {
  /** Every HEAD that was found; more than one is a fault to show. */
  readonly heads: readonly RayGcs[];
  /** What the addresses without a HEAD answered. */
  readonly others: readonly ProbeResult[];
}

/** Asks every address at once whether a GCS serves there. */
export async function lookForHeads({ headAddresses, token, tls }: Sight): Promise<Look> {
  const results = await Promise.all(
    headAddresses.map((address) => probeGcs(address, { token, tls, timeoutMs: LOOK_TIMEOUT_MS })),
  );
  const isHead = (result: ProbeResult): result is RayGcs => result.kind === "ray-gcs";
  return { heads: results.filter(isHead), others: results.filter((each) => !isHead(each)) };
}

export const findHeads = async (sight: Sight) => (await lookForHeads(sight)).heads;

/** The cluster of the first HEAD that answers; undefined if none does. */
export const viewCluster = async (sight: Sight) => (await lookAtCluster(sight)).view;

/** The same, with what each other address answered. */
export async function lookAtCluster(
  sight: Sight,
): Promise<Look & { readonly view: ClusterView | undefined }> {
  const look = await lookForHeads(sight);
  const [head] = look.heads;
  if (head === undefined) return { ...look, view: undefined };
  const gcs = openGcs(head.address, sight);
  try {
    const nodes = await gcs.nodes({}, LOOK_TIMEOUT_MS);
    return { ...look, view: nodes.ok ? { head, nodes: nodes.value } : undefined };
  } finally {
    gcs.close();
  }
}

/** The GCS that refuses our token: the cluster runs, but ws has another token or none. Pure. */
export const refusing = ({ heads, others }: Look): ProbeResult | undefined =>
  heads.length > 0 ? undefined : others.find(({ kind }) => kind === "unauthorized");

/** Why no GCS can be used; undefined where one can. */
export type NoHead =
  | { readonly reason: "wants-token"; readonly at: string }
  /** A GCS may be there but gives no proper answer: it may be busy or out of reach. */
  | { readonly reason: "silent"; readonly at: string }
  | { readonly reason: "nobody" };

/** Pure. */
export function noHead(look: Look): NoHead {
  const wants = refusing(look);
  if (wants !== undefined) return { reason: "wants-token", at: formatAddress(wants.address) };
  const busy = look.heads[0] ?? look.others.find(({ kind }) => kind === "timeout" || kind === "unreachable");
  return busy === undefined ? { reason: "nobody" } : { reason: "silent", at: formatAddress(busy.address) };
}

/** What the GCS knows of a node by that name: the living one, else the last of its lives. */
export function newestNamed(nodes: readonly NodeInfo[], name: string): NodeInfo | undefined {
  return (
    nodes.findLast((node) => node.name === name && node.alive) ?? nodes.findLast((node) => node.name === name)
  );
}
