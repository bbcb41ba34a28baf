import { type Deadline, deadlineIn, pause } from "../../common/deadline.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { type NodeInfo, openGcs } from "../../gcs/client.ts";
import { clientWord } from "../checks/client-program.ts";
import { HEALTH_NAME, TEST_CLIENT_NAME } from "../config/settings.ts";
import type { Driver, Request } from "../drivers/driver.ts";
import type { Service } from "../drivers/service.ts";
import { type Attempt, interrupted, type WsFailure } from "../failure.ts";
import type { Job } from "../output/progress.ts";
import { ended, tooLate } from "./diagnosis.ts";
import { judgeService, type Look, type Seen } from "./judge.ts";
import { GCS_TIMEOUT_MS, type GcsSnapshot, gcsOf, healthAnswers } from "./snapshot.ts";

const FIND_GCS_EVERY_MS = 100;
const ASK_GCS_EVERY_MS = 25;
const SETTLE_MS = 200;

/** A start of a part that is under way. */
export interface Wait extends Pick<Look, "former"> {
  readonly driver: Driver;
  readonly request: Request;
  readonly job: Job;
  readonly names: readonly string[];
  /** The services before this call of `ws` changed anything. */
  readonly before: readonly Service[];
  readonly deadline: Deadline;
  readonly started: ReadonlySet<string>;
  readonly last: Map<string, Seen>;
}

/** Waits until each service is ready. Returns those that the start, which may fail, started anew. */
export async function untilReady(wait: Wait, starting: Attempt): Attempt<string[]> {
  let end: Result<void, WsFailure> | undefined;
  // What it throws is thrown by the race below.
  void starting.then(
    (result) => {
      end = result;
    },
    () => {},
  );
  for (;;) {
    // Asked before the look: what has just been started is then seen by that look.
    const startEnded = end;
    const { now, gcs } = await lookAtAll({ ...wait, started: new Set(wait.started) });
    const outcome = await outcomeOf(wait, now, startEnded);
    if (outcome !== undefined) return outcome;
    const news = await untilNews(wait, gcs, end === undefined ? starting : undefined);
    if (!news || gcs === undefined || !startEnded?.ok) continue;
    // Where that was all that they lacked, another look at the services, which ran just now, is saved.
    await lookAtAll(wait, now);
    const sooner = await outcomeOf(wait, now, startEnded);
    if (sooner !== undefined) return sooner;
  }
}

/** How the wait ends after a look; undefined: it goes on. */
async function outcomeOf(
  wait: Wait,
  now: readonly Service[],
  startEnded: Result<void, WsFailure> | undefined,
): Promise<Result<string[], WsFailure> | undefined> {
  const { driver, job, names, before, last } = wait;
  if (job.signal.aborted) return err(interrupted(job.signal));
  const failure = await failureOf(wait, now, startEnded);
  if (failure !== undefined) return err(failure);
  const ready = names.every((name) => "ready" in (last.get(name) ?? {}));
  if (startEnded?.ok && ready)
    return ok(names.filter((name) => named(now, name)?.life !== named(before, name)?.life));
  if (!wait.deadline.expired()) return undefined;
  const waiting = [...last].flatMap(([node, seen]) =>
    "notYet" in seen ? [{ node, why: seen.notYet, service: named(now, node) }] : [],
  );
  return err(await tooLate(driver, waiting, job.timeoutMs));
}

/** Returns when the next look is due, or, with true, when the GCS lists more nodes or fewer. `starting`: a start to be looked at. */
async function untilNews(wait: Wait, before: GcsSnapshot | undefined, starting?: Attempt): Promise<boolean> {
  const { job, names, before: former } = wait;
  const stop = new AbortController();
  const pausing = askOn(wait, before, AbortSignal.any([job.signal, stop.signal]));
  if (starting === undefined) return pausing;
  const first = await Promise.race([pausing, starting]).finally(() => stop.abort());
  if (typeof first === "boolean") return first;
  // What has just been started shows nothing yet, and each look takes the processors from it.
  const isNew = first.ok && names.some((name) => !named(former, name)?.running);
  if (isNew) await pause(SETTLE_MS, job.signal);
  return false;
}

/** Asks the GCS alone, on a connection that is kept: that does not slow down Ray's start. */
async function askOn(
  { driver, started }: Wait,
  before: GcsSnapshot | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const next = deadlineIn(driver.lookEveryMs);
  const view = before?.view;
  const client = view && openGcs(view.head.address, before.options);
  const ask = async (): Promise<readonly NodeInfo[] | undefined> => {
    const nodes = await client?.nodes(GCS_TIMEOUT_MS);
    return nodes?.ok ? nodes.value : (await gcsOf(driver, nodesIn(started))).view?.nodes;
  };
  try {
    while ((await pause(client ? ASK_GCS_EVERY_MS : FIND_GCS_EVERY_MS, signal)) && !next.expired())
      if (aliveIn(await ask()) !== aliveIn(view?.nodes)) return true;
    return false;
  } finally {
    client?.close();
  }
}

const aliveIn = (nodes: readonly NodeInfo[] | undefined): number | undefined =>
  nodes?.filter(({ alive }) => alive).length;

/** All, or none yet: a published port that is asked while its container gets its network answers a second later, at ARP's next try. */
const nodesIn = (started: ReadonlySet<string>) =>
  [...started].some((name) => name !== HEALTH_NAME) ? undefined : [];

export const named = (services: readonly Service[], name: string) =>
  services.find((each) => each.name === name);

/**
 * Looks at every service once, as `listed` where that is given, and shows what is new. A driver that cannot list them now may at the
 * next look.
 */
async function lookAtAll(
  wait: Wait,
  listed?: readonly Service[],
): Promise<{ now: readonly Service[]; gcs?: GcsSnapshot }> {
  const { driver, request, names, before, former, started, last } = wait;
  const [found, gcs, health] = await Promise.all([
    listed ? ok(listed) : started.size === 0 ? ok([]) : driver.list(request.part),
    gcsOf(driver, nodesIn(started)),
    started.has(HEALTH_NAME) ? healthAnswers(driver) : err("it is not started"),
  ]);
  if (!found.ok) return { now: [] };
  const client = named(found.value, TEST_CLIENT_NAME);
  // A client that could not connect is up all the same: it stays for debugging, and the checks judge what it says.
  const word = client && clientWord(await driver.log(client.ref, { tail: 100 }));
  for (const name of names) {
    const now = named(found.value, name);
    const look = { name, noun: driver.noun, now, before: named(before, name), started: started.has(name) };
    const seen = judgeService({ ...look, gcs, health, former, clientWord: word });
    show(wait, name, now, seen);
    last.set(name, seen);
  }
  return { now: found.value, gcs };
}

/** What was shown as ready or ended is not shown again. */
function show({ driver, job, last }: Wait, name: string, now: Service | undefined, seen: Seen): void {
  const title = placed(name, now ?? driver.absent(name));
  const before = last.get(name) ?? {};
  if ("notYet" in seen) job.progress.note(name, seen.notYet);
  else if ("ready" in seen && !("ready" in before)) job.progress.done(name, `${title}: ${seen.ready}`);
  else if ("ended" in seen && !("ended" in before)) job.progress.fail(name, `${title}: ${seen.ended}`);
}

export const placed = (name: string, { address }: Pick<Service, "address">): string =>
  address === "–" ? name : `${name} at ${address}`;

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
