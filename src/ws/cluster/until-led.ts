import { deadlineIn, pause } from "../../common/deadline.ts";
import { findHeads, type Sight } from "../cluster-view.ts";
import type { Settings } from "../settings.ts";
import { leaseHolder } from "./ask-health.ts";

const LOOK_EVERY_MS = 100;

interface Led extends Sight {
  readonly settings: Pick<Settings, "waitForHeadMs">;
  readonly healthUrl: string;
}

/**
 * Returns when some node holds the head lease or a GCS answers; then nobody else becomes HEAD. Also when that took longer than
 * a worker waits for it, or `hope` is gone: the order in which nodes start is a preference, and the next one may lead as well.
 */
export async function untilLed(
  led: Led,
  signal: AbortSignal,
  hope: () => boolean = () => true,
): Promise<void> {
  const deadline = deadlineIn(led.settings.waitForHeadMs);
  while (!signal.aborted && !deadline.expired() && hope()) {
    const [holder, heads] = await Promise.all([leaseHolder(led.healthUrl), findHeads(led)]);
    if (holder !== undefined || heads.length > 0) return;
    await pause(LOOK_EVERY_MS, signal);
  }
}
