import type { Address } from "../address.ts";
import { Epoch } from "../lease-protocol.ts";
import { type GcsClient, type GcsOptions, openGcs } from "./client.ts";

/** Where a HEAD's epoch stands in the key-value store of its GCS. */
const NOTE = { namespace: "ray_entrypoint", key: "head_epoch" };

const TIMEOUT_MS = 1000;

/** The epoch of the HEAD at `address`; 0 where none stands there, or it cannot be read. Never rejects. */
export async function readHeadEpoch(
  address: Address,
  options: GcsOptions,
  timeoutMs: number,
): Promise<number> {
  const gcs = openGcs(address, options);
  const value = await gcs.kvGet(NOTE, timeoutMs);
  gcs.close();
  return value.ok ? epochIn(value.value) : 0;
}

/**
 * Writes the epoch of a HEAD into its own GCS, unless a higher one stands there: a store that outlives GCSes (Redis) may
 * hold it, and others have read it. Returns what stands there now; undefined where the GCS does not serve.
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

/** Whoever runs tasks in a cluster can write there: what is no epoch counts nothing. */
function epochIn(text: string): number {
  const parsed = /^\d{1,13}$/.test(text) ? Epoch.safeParse(Number(text)) : null;
  return parsed?.data ?? 0;
}
