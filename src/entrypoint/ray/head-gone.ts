import type { Clock } from "../../common/deadline.ts";
import type { GcsClient } from "../../gcs/client.ts";

export interface HeadGoneSettings {
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  /** How many looks in a row without an answer mean that it is gone. */
  readonly times: number;
  /** How long one look may take. */
  readonly timeoutMs: number;
  /** Called for each answer of the HEAD. */
  readonly onSeen: () => void;
}

/**
 * Looks after a HEAD while Ray itself would wait for it half a minute and more: as it starts, and as it drains.
 * Resolves with the cause when the HEAD is gone or comes back as another cluster; never when `signal` aborts first.
 */
export async function untilHeadGone(
  gcs: Pick<GcsClient, "clusterId">,
  { everyMs, times, timeoutMs, onSeen }: HeadGoneSettings,
  clock: Pick<Clock, "pause">,
  signal: AbortSignal,
): Promise<string> {
  let joined: string | null = null;
  let silent = 0;
  while (await clock.pause(everyMs, signal)) {
    const seen = await gcs.clusterId(timeoutMs);
    silent = seen.ok ? 0 : silent + 1;
    if (silent >= times && !seen.ok) return seen.error.kind;
    if (!seen.ok) continue;
    joined ??= seen.value;
    if (joined !== seen.value) return "it restarted";
    onSeen();
  }
  return new Promise(() => {});
}
