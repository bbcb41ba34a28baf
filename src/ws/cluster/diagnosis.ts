import type { Driver, LogPart, Service } from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import { causeOf } from "./cause-of.ts";
import { statusOf } from "./node-status.ts";
import type { Seen } from "./readiness.ts";

const LAST_LINES = 20;

/** Lines of a service's log; none where there is no log. */
export async function linesOf(driver: Driver, ref: string, part: LogPart): Promise<string[]> {
  const text = (await driver.log(ref, part)).trimEnd();
  return text === "" ? [] : text.split("\n");
}

/** Why a service ended before it was ready. Its log is kept. */
export async function ended(
  driver: Driver,
  node: string,
  how: string,
  service: Service | undefined,
): Promise<WsFailure> {
  const lines = await linesOf(driver, service?.ref ?? driver.refOf(node), { lastLines: LAST_LINES });
  const log = await driver.keepLog(node, service, how);
  const cause = causeOf(await statusOf(driver, node, service), [how, ...lines]);
  return { reason: "node-ended", node, how, lines, log, cause };
}

/** Why those that run are not ready. `last`: what was seen of each service last; `found`: the services now. */
export async function tooLate(
  driver: Driver,
  last: ReadonlyMap<string, Seen>,
  found: readonly Service[],
  timeoutMs: number,
): Promise<WsFailure> {
  const waiting = [...last].flatMap(([node, seen]) => ("notYet" in seen ? [{ node, why: seen.notYet }] : []));
  const missing = waiting.map(async ({ node, why }) => {
    const service = found.find(({ name }) => name === node);
    const said = await linesOf(driver, service?.ref ?? driver.refOf(node), { sinceMs: service?.startedAtMs });
    const cause = causeOf(await statusOf(driver, node, service), said);
    return { node, why, lines: said.slice(-LAST_LINES), cause };
  });
  return { reason: "not-ready-in-time", timeoutMs, missing: await Promise.all(missing) };
}
