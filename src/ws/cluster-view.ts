import type { Address } from "../common/address.ts";
import type { GcsOptions, NodeInfo } from "../common/gcs/client.ts";
import { openGcs } from "../common/gcs/client.ts";
import { probeGcs } from "../common/gcs/probe.ts";
import type { RayGcs } from "../common/sighting.ts";

/** A HEAD that answers, and the nodes that its GCS lists, dead ones included. */
export interface ClusterView {
  readonly head: RayGcs;
  readonly nodes: readonly NodeInfo[];
}

const LOOK_TIMEOUT_MS = 2000;

/** Where the HEADs of a cluster can be, and how they are asked. */
export interface Sight extends GcsOptions {
  readonly headAddresses: readonly Address[];
}

/** Asks every address at once whether a GCS serves there. Every HEAD in sight comes back: more than one is a fault to show. */
export async function findHeads({ headAddresses, token, tls }: Sight): Promise<RayGcs[]> {
  const sightings = await Promise.all(
    headAddresses.map((address) => probeGcs(address, { token, tls, timeoutMs: LOOK_TIMEOUT_MS })),
  );
  return sightings.filter((sighting) => sighting.kind === "ray-gcs");
}

/** The cluster of the first HEAD that answers; undefined where none does. */
export async function viewCluster(sight: Sight): Promise<ClusterView | undefined> {
  const [head] = await findHeads(sight);
  if (head === undefined) return undefined;
  const gcs = openGcs(head.address, sight);
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
