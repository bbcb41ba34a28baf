import { deadlineIn, pause } from "../../common/deadline.ts";
import { ok, type Result } from "../../common/result.ts";
import { type Driver, type Request, servicesOf } from "../drivers/driver.ts";
import type { Service } from "../drivers/service.ts";
import type { Attempt, WsFailure } from "../failure.ts";
import type { Job } from "../output/progress.ts";
import { takeDown } from "./down.ts";
import { inOrder } from "./plan.ts";
import { named, placed, untilReady } from "./readiness.ts";
import { gcsOf, healthAnswers, healthView } from "./snapshot.ts";

const LOOK_EVERY_MS = 50;

/**
 * Starts what is missing of a part and waits until it is ready; if that fails, it takes down what it started. `known`: the part's
 * services, where they were listed and nothing was changed since.
 */
export async function start(
  driver: Driver,
  request: Request,
  job: Job,
  known?: readonly Service[],
): Attempt<string[]> {
  const asked = driver.until(job.signal);
  const before = known ? ok(known) : await asked.list(request.part);
  if (!before.ok) return before;
  let brought: Result<string[], WsFailure> | undefined;
  try {
    brought = await bringUp(asked, request, job, before.value);
    return brought;
  } finally {
    // A test worker that could not join stays, so that one can look at it; `ws test --down` removes it.
    // Undefined where something was thrown, such as the disk being full.
    if (brought === undefined || (!brought.ok && (request.part === "main" || job.signal.aborted))) {
      const undoing = () => undo(driver, request, job, before.value);
      await (job.cleaning?.(undoing) ?? undoing());
    }
  }
}

/** Starts the services while it waits for them. Nothing is taken down here. */
async function bringUp(driver: Driver, request: Request, job: Job, before: readonly Service[]) {
  const { view } = await gcsOf(driver, before);
  const names = servicesOf(driver.settings, request.part);
  for (const name of names) job.progress.begin(name, placed(name, driver.absent(name)));
  const started = new Set<string>();
  const stop = new AbortController();
  const starting = startInOrder(driver, request, AbortSignal.any([job.signal, stop.signal]), started);
  try {
    const former = new Set(view?.nodes.map(({ nodeId }) => nodeId));
    const deadline = deadlineIn(job.timeoutMs);
    const wait = { driver, request, job, names, before, former, deadline, started, last: new Map() };
    return await untilReady(wait, starting);
  } finally {
    stop.abort();
    await starting;
  }
}

/**
 * Starts the first node with the health service, and the rest when the first node leads. A process starts sooner than the service
 * listens, and would wait before it asks again; a container does not. `started` gets their names.
 */
async function startInOrder(
  driver: Driver,
  request: Request,
  signal: AbortSignal,
  started: Set<string>,
): Attempt {
  const made = await driver.create(request, signal);
  if (!made.ok) return made;
  const { health, first, rest } = inOrder(driver.settings, servicesOf(driver.settings, request.part));
  const together = driver.isolated;
  const stages = [
    ...(together ? [] : [{ names: health, settled: untilHealthAnswers }]),
    { names: together ? [...health, ...first] : first, settled: untilLed },
    { names: rest, settled: async () => {} },
  ];
  for (const { names, settled } of stages) {
    if (signal.aborted || names.length === 0) continue;
    const done = await driver.start(request, names, signal);
    if (!done.ok) return done;
    for (const name of names) started.add(name);
    await settled(driver, signal);
  }
  return ok(undefined);
}

async function untilHealthAnswers(driver: Driver, signal: AbortSignal): Promise<void> {
  while (!(await healthAnswers(driver)).ok && (await pause(LOOK_EVERY_MS, signal)));
}

/**
 * Returns when some node leads, or after the time that a worker waits for one: the order in which nodes start is a
 * preference, and the next one may lead as well.
 */
async function untilLed(driver: Driver, signal: AbortSignal): Promise<void> {
  const deadline = deadlineIn(driver.settings.waitForHeadMs);
  while (!signal.aborted && !deadline.expired()) {
    const [health, { heads }] = await Promise.all([healthView(driver), gcsOf(driver)]);
    // The service shows the last holder also after its time.
    if ((health?.holder?.expiresIn ?? 0) > 0 || heads.length > 0) return;
    await pause(LOOK_EVERY_MS, signal);
  }
}

/** Looks twice, since an engine may still be working on what it was asked for before that was ended. */
async function undo(
  driver: Driver,
  { part }: Request,
  { progress, urgent }: Job,
  before: readonly Service[],
): Promise<void> {
  let shown = false;
  let failed = false;
  for (const _ of ["first", "second"]) {
    const found = await driver.list(part);
    const now = found.ok ? found.value : [];
    const names = servicesOf(driver.settings, part).filter((name) => {
      const old = named(before, name)?.life;
      return old === undefined || named(now, name)?.life !== old;
    });
    const there = now.filter(({ name }) => names.includes(name));
    if (there.length > 0 && !shown) progress.begin("undo", "Taking down what was started");
    shown ||= there.length > 0;
    await Promise.all(there.map((each) => driver.keepLog(each.name, each)));
    const gone = await takeDown(driver, { part, names }, urgent);
    failed = !gone.ok;
  }
  if (failed) progress.fail("undo", "What was started is not all gone; → ws down");
  else if (shown) progress.done("undo", "Took down what was started");
}
