import { pause } from "../common/deadline.ts";
import type { GcsClient } from "../common/gcs/client.ts";
import type { Trouble } from "./watch.ts";

const LOOK_TIMEOUT_MS = 2000;
/** A HEAD that boots beside this node is slow to answer; one that is gone stays so. */
const TIMES = 5;

/**
 * Looks after a WORKER's HEAD while Ray still starts: where it goes or comes back as another cluster, Ray itself would
 * wait for half a minute and more. Resolves with that trouble; never when `signal` aborts first.
 */
export async function watchHeadInStart(
  gcs: Pick<GcsClient, "clusterId">,
  everyMs: number,
  signal: AbortSignal,
): Promise<Trouble> {
  let joined: string | null = null;
  let silent = 0;
  while (await pause(everyMs, signal)) {
    const seen = await gcs.clusterId(LOOK_TIMEOUT_MS);
    silent = seen.ok ? 0 : silent + 1;
    if (silent >= TIMES && !seen.ok) return { kind: "head-lost-in-start", cause: seen.error.kind };
    if (!seen.ok) continue;
    joined ??= seen.value;
    if (joined !== seen.value) return { kind: "head-lost-in-start", cause: "it restarted" };
  }
  return new Promise(() => {});
}
