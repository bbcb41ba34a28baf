import { formatAddress } from "../../common/address.ts";
import { type Deadline, deadlineIn, pause } from "../../common/deadline.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { clientWord } from "../checks/client-program.ts";
import { lookAtCluster, refusing, viewCluster } from "../cluster-view.ts";
import { TEST_CLIENT_NAME } from "../config/settings.ts";
import { type Driver, type Request, type Service, servicesOf } from "../drivers/driver.ts";
import { interrupted, type WsFailure } from "../failure.ts";
import type { Job } from "../job.ts";
import { healthAnswers } from "./ask-health.ts";
import { ended, linesOf, tooLate } from "./diagnosis.ts";
import { judgeService, type Seen } from "./readiness.ts";
import { startInOrder } from "./start-in-order.ts";
import { allHeads, healthUrl } from "./where.ts";

interface Wait {
  readonly driver: Driver;
  readonly request: Request;
  readonly job: Job;
  readonly names: readonly string[];
  readonly before: readonly Service[];
  readonly former: ReadonlySet<string>;
  readonly deadline: Deadline;
  /** Services whose turn to start has been. */
  readonly started: Set<string>;
  /** What was seen of each service last. */
  readonly last: Map<string, Seen>;
}

/**
 * Starts the services of a part and waits until each is ready: the health service when it answers, a node when the GCS lists
 * it as ALIVE. Returns the services that this start gave a new life. Nothing is taken down here.
 */
export async function bringUp(
  driver: Driver,
  request: Request,
  job: Job,
  before: readonly Service[],
): Promise<Result<string[], WsFailure>> {
  const view = await viewCluster(allHeads(driver));
  const names = servicesOf(driver.settings, request.part);
  for (const name of names) job.progress.begin(name, placed(name, driver.absent(name)));
  const started = new Set<string>();
  const stop = new AbortController();
  const signal = AbortSignal.any([job.signal, stop.signal]);
  const starting = startInOrder(driver, request, { signal, started });
  try {
    const former = new Set(view?.nodes.map(({ nodeId }) => nodeId));
    const deadline = deadlineIn(job.timeoutMs);
    const last = new Map();
    const wait = { driver, request, job, names, before, former, deadline, started, last };
    return await untilAllReady(wait, starting);
  } finally {
    stop.abort();
    await starting;
  }
}

async function untilAllReady(
  wait: Wait,
  starting: Promise<Result<void, WsFailure>>,
): Promise<Result<string[], WsFailure>> {
  const { driver, job, names, before, last } = wait;
  let end: Result<void, WsFailure> | undefined;
  const set = (each: Result<void, WsFailure>) => {
    end = each;
  };
  // What it throws is thrown by the race below.
  void starting.then(set, () => {});
  for (;;) {
    // Asked before the look: what has just been started is then seen by that look.
    const ended = end;
    const now = await lookAtAll(wait, new Set(wait.started));
    if (job.signal.aborted) return err(interrupted(job.signal));
    const failure = await failureOf(wait, now, ended);
    if (failure !== undefined) return err(failure);
    const ready = names.every((name) => "ready" in (last.get(name) ?? {}));
    if (ended?.ok && ready) return ok(names.filter((name) => lifeOf(now, name) !== lifeOf(before, name)));
    if (wait.deadline.expired()) return err(await tooLate(driver, last, now, job.timeoutMs));
    const pausing = pause(driver.lookEveryMs, job.signal);
    await (end === undefined ? Promise.race([pausing, starting]) : pausing);
  }
}

const named = (services: readonly Service[], name: string) => services.find((each) => each.name === name);
export const lifeOf = (services: readonly Service[], name: string) => named(services, name)?.life;

/** Looks at every service once and shows what is new. A driver that cannot list them now may at the next look. */
async function lookAtAll(wait: Wait, started: ReadonlySet<string>): Promise<readonly Service[]> {
  const { driver, request, names, before, former, last } = wait;
  const [found, { view, ...seenHeads }, healthAnswer] = await Promise.all([
    driver.list(request.part),
    lookAtCluster(allHeads(driver)),
    healthAnswers(healthUrl(driver)),
  ]);
  if (!found.ok) return [];
  const refusal = refusing(seenHeads);
  const refusedAt = refusal && formatAddress(refusal.address);
  for (const name of names) {
    const now = named(found.value, name);
    const clientWord = name === TEST_CLIENT_NAME && now ? await wordOfClient(driver, now) : undefined;
    const service = { name, noun: driver.noun, now, before: named(before, name), started: started.has(name) };
    const seen = judgeService({ ...service, view, refusedAt, former, healthAnswer, clientWord });
    if (isNews(last.get(name), seen)) show(wait, name, now, seen);
    last.set(name, seen);
  }
  return found.value;
}

/** What was shown as ready or ended is not shown again. */
const isNews = (before: Seen | undefined, seen: Seen): boolean =>
  "notYet" in seen || before === undefined || Object.keys(before)[0] !== Object.keys(seen)[0];

function show({ driver, job: { progress } }: Wait, name: string, now: Service | undefined, seen: Seen): void {
  const title = placed(name, now ?? driver.absent(name));
  if ("ready" in seen) progress.done(name, `${title}: ${seen.ready}`);
  else if ("ended" in seen) progress.fail(name, `${title}: ${seen.ended}`);
  else progress.note(name, seen.notYet);
}

const placed = (name: string, { address }: Pick<Service, "address">): string =>
  address === "–" ? name : `${name} at ${address}`;

/** A client that could not connect is up all the same: it stays for debugging, and the checks judge what it says. */
async function wordOfClient(driver: Driver, { ref }: Service): Promise<string | undefined> {
  return clientWord(await linesOf(driver, ref, { lastLines: 100 }));
}

/** A service that ended says more than the driver, which only missed it. */
async function failureOf(
  { driver, request, last }: Wait,
  now: readonly Service[],
  starting: Result<void, WsFailure> | undefined,
): Promise<WsFailure | undefined> {
  // The test's two do not need each other: one that ended is no reason to lose sight of the other.
  const decided = [...last.values()].every((seen) => !("notYet" in seen));
  if (request.part === "main" || decided)
    for (const [name, seen] of last)
      if ("ended" in seen) return ended(driver, name, seen.ended, named(now, name));
  return starting?.ok === false ? starting.error : undefined;
}
