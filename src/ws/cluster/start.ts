import type { Result } from "../../common/result.ts";
import { type Driver, type Request, type Service, servicesOf } from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import { cleaning, type Job } from "../job.ts";
import { bringUp, lifeOf } from "./bring-up.ts";
import { takeDown } from "./down.ts";

/** Starts what is missing of a part; if that fails, it takes down what it started. */
export async function start(
  driver: Driver,
  request: Request,
  job: Job,
): Promise<Result<string[], WsFailure>> {
  const asked = driver.until(job.signal);
  const before = await asked.list(request.part);
  if (!before.ok) return before;
  let brought: Result<string[], WsFailure> | undefined;
  try {
    brought = await bringUp(asked, request, job, before.value);
    return brought;
  } finally {
    // A test worker that could not join stays, so that one can look at it; `ws test --down` removes it.
    // Undefined where something was thrown, such as the disk being full.
    if (brought === undefined || (!brought.ok && (request.part === "main" || job.signal.aborted)))
      await cleaning(job, () => undo(driver, request, job, before.value));
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
      const old = lifeOf(before, name);
      return old === undefined || lifeOf(now, name) !== old;
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
