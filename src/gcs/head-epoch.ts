import { Epoch } from "../common/protocol/lease-protocol.ts";
import type { GcsClient } from "./client.ts";

/** Where a HEAD keeps its epoch, in the key-value store of its GCS. */
const NOTE = { namespace: "ray_entrypoint", key: "head_epoch" };

const TIMEOUT_MS = 1000;

/** The epoch of the HEAD of this GCS; 0 when none is stored or it cannot be read. Never rejects. */
export async function readHeadEpoch(gcs: Pick<GcsClient, "kvGet">, timeoutMs: number): Promise<number> {
  const value = await gcs.kvGet(NOTE, timeoutMs);
  return value.ok ? epochIn(value.value) : 0;
}

/** Writes the epoch of a HEAD into its own GCS, unless a higher one is there (of Redis, say). Returns what is there then. */
export async function publishHeadEpoch(gcs: Pick<GcsClient, "clusterId" | "kvGet" | "kvPut">, epoch: number) {
  const [clusterId, value] = await Promise.all([gcs.clusterId(TIMEOUT_MS), gcs.kvGet(NOTE, TIMEOUT_MS)]);
  if (!clusterId.ok || !value.ok) return undefined;
  const known = epochIn(value.value);
  if (known < epoch && !(await gcs.kvPut(NOTE, String(epoch), TIMEOUT_MS)).ok) return undefined;
  return { clusterId: clusterId.value, epoch: Math.max(known, epoch) };
}

/** Any task of the cluster can write there, so what is not a valid epoch counts as 0. */
const epochIn = (text: string): number =>
  /^\d{1,13}$/.test(text) ? (Epoch.safeParse(Number(text)).data ?? 0) : 0;
