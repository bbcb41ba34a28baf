import type { Driver, Service } from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import { lateCause } from "./late-cause.ts";
import type { Seen } from "./readiness.ts";

const LAST_LINES = 20;
/** What a node said first shows why it waits, and a long wait has many lines. */
const CAUSE_LINES = 300;

/** The last lines of a service's log; none where there is no log. */
export async function lastLines(driver: Driver, ref: string, count: number): Promise<string[]> {
  const text = (await driver.log(ref, count)).trimEnd();
  return text === "" ? [] : text.split("\n");
}

/** Why a service ended before it was ready. Its log is kept. */
export async function ended(
  driver: Driver,
  node: string,
  how: string,
  service: Service | undefined,
): Promise<WsFailure> {
  const lines = await lastLines(driver, service?.ref ?? driver.refOf(node), LAST_LINES);
  const log = await driver.keepLog(node, service, how);
  return { reason: "node-ended", node, how, lines, log, cause: driver.likelyCause([how, ...lines]) };
}

/** Why those that run are not ready. `last`: what was seen of each service last. */
export async function tooLate(
  driver: Driver,
  last: ReadonlyMap<string, Seen>,
  timeoutMs: number,
): Promise<WsFailure> {
  const waiting = [...last].flatMap(([node, seen]) => ("notYet" in seen ? [{ node, why: seen.notYet }] : []));
  const missing = waiting.map(async ({ node, why }) => {
    const said = await lastLines(driver, driver.refOf(node), CAUSE_LINES);
    const cause = lateCause(node, said, driver.likelyCause);
    return { node, why, lines: said.slice(-LAST_LINES), cause };
  });
  return { reason: "not-ready-in-time", timeoutMs, missing: await Promise.all(missing) };
}
