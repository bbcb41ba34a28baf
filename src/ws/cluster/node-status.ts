import { type NodeStatus, parseStatus } from "../../common/protocol/node-status.ts";
import type { Driver } from "../drivers/driver.ts";
import { reported } from "./ask-health.ts";
import { healthUrl } from "./where.ts";

/**
 * What a node says of itself: in its own file, which is there also after its end, otherwise to the health service. Undefined
 * where it has said nothing since `startedAtMs`, when its service was started last.
 */
export async function statusOf(
  driver: Driver,
  name: string,
  startedAtMs = 0,
): Promise<NodeStatus | undefined> {
  const own = parseStatus(await driver.status(driver.refOf(name)));
  if (own !== undefined && own.startedAt >= startedAtMs) return own;
  return (await reported(healthUrl(driver))).get(name);
}
