import type { Address } from "../../common/address.ts";
import type { Failure } from "../../common/failure.ts";
import type { GcsClient } from "../../gcs/client.ts";

/**
 * What a HEAD's Ray stores about itself, as JSON (ray/_common/usage/usage_lib.py, put_cluster_metadata, 2.40 to
 * 2.60).
 */
const METADATA = { namespace: "cluster", key: "CLUSTER_METADATA" };
const TIMEOUT_MS = 5000;

/**
 * Why a node with this Python version (`3.12`) may not join. Ray refuses other minor versions, but only after seconds
 * and with a long trace. Null if it may join, or the HEAD's version is not known.
 */
export async function comparePython(
  gcs: Pick<GcsClient, "kvGet">,
  head: Address,
  ours: string | null,
): Promise<Failure | null> {
  if (ours === null) return null;
  const metadata = await gcs.kvGet(METADATA, TIMEOUT_MS);
  // Any task of the cluster can write there.
  const [, theirs, minor] =
    /"python_version":\s*"((3\.\d{1,3})[\w.+]{0,20})"/.exec(metadata.ok ? metadata.value : "") ?? [];
  if (theirs === undefined || minor === ours) return null;
  return { reason: "python-differs", head, theirs, ours };
}
