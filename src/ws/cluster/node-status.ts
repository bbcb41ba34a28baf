import { type NodeStatus, parseStatus } from "../../common/protocol/node-status.ts";
import type { Driver, Service } from "../drivers/driver.ts";
import { reported } from "./ask-health.ts";
import { healthUrl } from "./where.ts";

/**
 * What a node says of itself: in its own file, which is there also after its end, otherwise to the health service. Undefined
 * where it has said nothing since its service was started last. `service`: as the driver lists it, if it does.
 */
export async function statusOf(
  driver: Driver,
  name: string,
  service?: Pick<Service, "ref" | "startedAtMs">,
): Promise<NodeStatus | undefined> {
  const own = parseStatus(await driver.status(service?.ref ?? driver.refOf(name)));
  if (own !== undefined && own.startedAt >= (service?.startedAtMs ?? 0)) return own;
  return (await reported(healthUrl(driver))).get(name);
}
