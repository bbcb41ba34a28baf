import type { Address } from "../common/address.ts";
import type { NodeInfo } from "../common/gcs/client.ts";
import { openGcs } from "../common/gcs/client.ts";
import { probeGcs } from "../common/gcs/probe.ts";
import type { RayGcs } from "../common/sighting.ts";

/** A HEAD that answers, and the nodes that its GCS lists, dead ones included. */
export interface ClusterView {
  readonly head: RayGcs;
  readonly nodes: readonly NodeInfo[];
}

const LOOK_TIMEOUT_MS = 2000;

/** Asks every address at once whether a GCS serves there. Every HEAD in sight comes back: more than one is a fault to show. */
export async function findHeads(addresses: readonly Address[], token: string | null): Promise<RayGcs[]> {
  const sightings = await Promise.all(
    addresses.map((address) => probeGcs(address, { token, timeoutMs: LOOK_TIMEOUT_MS })),
  );
  return sightings.filter((sighting) => sighting.kind === "ray-gcs");
}

/** The cluster of the first HEAD that answers; undefined where none does. */
export async function viewCluster(
  addresses: readonly Address[],
  token: string | null,
): Promise<ClusterView | undefined> {
  const [head] = await findHeads(addresses, token);
  if (head === undefined) return undefined;
  const gcs = openGcs(head.address, { token });
  try {
    const nodes = await gcs.nodes({}, LOOK_TIMEOUT_MS);
    return nodes.ok ? { head, nodes: nodes.value } : undefined;
  } finally {
    gcs.close();
  }
}

/** What the GCS knows of a node by that name: the living one, else the last of its lives. */
export function newestNamed(nodes: readonly NodeInfo[], name: string): NodeInfo | undefined {
  return (
    nodes.findLast((node) => node.name === name && node.alive) ?? nodes.findLast((node) => node.name === name)
  );
}
