import { Epoch } from "../common/protocol/lease-protocol.ts";
import type { GcsClient } from "./client.ts";

/** The key of a HEAD's epoch in the key-value store of its GCS. */
const NOTE = { namespace: "ray_entrypoint", key: "head_epoch" };

const TIMEOUT_MS = 1000;

/** The epoch of the HEAD of this GCS; 0 when none is stored or it cannot be read. Never rejects. */
export async function readHeadEpoch(gcs: Pick<GcsClient, "kvGet">, timeoutMs: number): Promise<number> {
  const value = await gcs.kvGet(NOTE, timeoutMs);
  return value.ok ? epochIn(value.value) : 0;
}

/**
 * Writes the epoch of a HEAD into its own GCS, unless a higher one is stored there: a store that outlives the GCS
 * (Redis) may hold one that others have already read. Returns what is stored now; undefined when the GCS does not
 * serve.
 */
export async function publishHeadEpoch(
  gcs: Pick<GcsClient, "clusterId" | "kvGet" | "kvPut">,
  epoch: number,
): Promise<{ readonly clusterId: string; readonly epoch: number } | undefined> {
  const [clusterId, value] = await Promise.all([gcs.clusterId(TIMEOUT_MS), gcs.kvGet(NOTE, TIMEOUT_MS)]);
  if (!clusterId.ok || !value.ok) return undefined;
  const known = epochIn(value.value);
  if (known >= epoch) return { clusterId: clusterId.value, epoch: known };
  const written = await gcs.kvPut(NOTE, String(epoch), TIMEOUT_MS);
  return written.ok ? { clusterId: clusterId.value, epoch } : undefined;
}

/** Any task of the cluster can write there, so what is not a valid epoch counts as 0. */
function epochIn(text: string): number {
  const parsed = /^\d{1,13}$/.test(text) ? Epoch.safeParse(Number(text)) : null;
  return parsed?.data ?? 0;
}
