import { deadlineIn, pause } from "../../common/deadline.ts";
import { ok, type Result } from "../../common/result.ts";
import { findHeads } from "../cluster-view.ts";
import { HEALTH_NAME, plannedHead, type Settings } from "../config/settings.ts";
import { type Driver, type Request, servicesOf } from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import { healthAnswers, leaseHolder } from "./ask-health.ts";
import { allHeads, healthUrl } from "./where.ts";

const LOOK_EVERY_MS = 100;

interface Starting {
  readonly signal: AbortSignal;
  /** Gets the names as they are started. */
  readonly started: Set<string>;
}

/**
 * Makes the services of a part and starts them one after the other: the nodes as soon as the health service answers, and the
 * others as soon as the first one leads.
 */
export async function startInOrder(
  driver: Driver,
  request: Request,
  { signal, started }: Starting,
): Promise<Result<void, WsFailure>> {
  const made = await driver.create(request, signal);
  if (!made.ok) return made;
  const { health, first, rest } = inOrder(driver.settings, servicesOf(driver.settings, request.part));
  const stages = [
    { names: health, settled: () => untilHealthAnswers(driver, signal) },
    { names: first, settled: () => untilLed(driver, signal) },
    { names: rest, settled: async () => {} },
  ].filter(({ names }) => names.length > 0);
  for (const { names, settled } of stages) {
    if (signal.aborted) break;
    const done = await driver.start(request, names, signal);
    if (!done.ok) return done;
    for (const name of names) started.add(name);
    await settled();
  }
  return ok(undefined);
}

/** Who starts after whom. Pure. */
export function inOrder(settings: Settings, services: readonly string[]) {
  const leader = plannedHead(settings);
  return {
    health: services.filter((name) => name === HEALTH_NAME),
    first: services.filter((name) => name === leader),
    rest: services.filter((name) => name !== HEALTH_NAME && name !== leader),
  };
}

async function untilHealthAnswers(driver: Driver, signal: AbortSignal): Promise<void> {
  while (!(await healthAnswers(healthUrl(driver))).ok && (await pause(LOOK_EVERY_MS, signal)));
}

/**
 * Returns when some node holds the head lease or a GCS answers; then nobody else becomes HEAD. Also when that took longer
 * than a worker waits for it: the order in which nodes start is a preference, and the next one may lead as well.
 */
async function untilLed(driver: Driver, signal: AbortSignal): Promise<void> {
  const deadline = deadlineIn(driver.settings.waitForHeadMs);
  while (!signal.aborted && !deadline.expired()) {
    const [holder, heads] = await Promise.all([leaseHolder(healthUrl(driver)), findHeads(allHeads(driver))]);
    if (holder !== undefined || heads.length > 0) return;
    await pause(LOOK_EVERY_MS, signal);
  }
}
