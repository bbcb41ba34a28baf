import { type Deadline, deadlineIn, pause } from "../../common/deadline.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import { clientWord } from "../checks/client-program.ts";
import { HEALTH_NAME, TEST_CLIENT_NAME } from "../config/settings.ts";
import type { Driver, Request, Service } from "../drivers/driver.ts";
import { type Attempt, interrupted, type WsFailure } from "../failure.ts";
import type { Job } from "../output/progress.ts";
import { ended, tooLate } from "./diagnosis.ts";
import { type GcsSnapshot, gcsOf, healthAnswers, newestNamed } from "./snapshot.ts";

const ASK_GCS_EVERY_MS = 100;

/** One look at a service: what shows that it is ready, what it lacks, or how it ended. */
export type Seen = { readonly ready: string } | { readonly notYet: string } | { readonly ended: string };

/** A start of a part that is under way. */
export interface Wait {
  readonly driver: Driver;
  readonly request: Request;
  readonly job: Job;
  readonly names: readonly string[];
  /** The services before this call of `ws` changed anything. */
  readonly before: readonly Service[];
  /** Ids of nodes that the GCS listed before: under the same name they are earlier runs. */
  readonly former: ReadonlySet<string>;
  readonly deadline: Deadline;
  readonly started: ReadonlySet<string>;
  readonly last: Map<string, Seen>;
}

/** Waits until each service is ready. Returns those that the start, which may fail, started anew. */
export async function untilReady(wait: Wait, starting: Attempt): Attempt<string[]> {
  const { driver, job, names, before, last } = wait;
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
    const { now, alive } = await lookAtAll({ ...wait, started: new Set(wait.started) });
    if (job.signal.aborted) return err(interrupted(job.signal));
    const failure = await failureOf(wait, now, startEnded);
    if (failure !== undefined) return err(failure);
    const ready = names.every((name) => "ready" in (last.get(name) ?? {}));
    if (startEnded?.ok && ready)
      return ok(names.filter((name) => named(now, name)?.life !== named(before, name)?.life));
    if (wait.deadline.expired()) {
      const waiting = [...last].flatMap(([node, seen]) =>
        "notYet" in seen ? [{ node, why: seen.notYet, service: named(now, node) }] : [],
      );
      return err(await tooLate(driver, waiting, job.timeoutMs));
    }
    const pausing = untilNews(wait, alive);
    await (end === undefined ? Promise.race([pausing, starting]) : pausing);
  }
}

/** Returns when the next look is due, or the GCS lists more nodes or fewer: asking it alone does not slow down Ray's start. */
async function untilNews({ driver, job, started }: Wait, before: number | undefined): Promise<void> {
  const next = deadlineIn(driver.lookEveryMs);
  while ((await pause(ASK_GCS_EVERY_MS, job.signal)) && !next.expired())
    if (aliveIn(await gcsOf(driver, nodesIn(started))) !== before) return;
}

const aliveIn = ({ view }: Pick<GcsSnapshot, "view">): number | undefined =>
  view?.nodes.filter(({ alive }) => alive).length;

/** All, or none yet: a published port that is asked while its container gets its network answers a second later, at ARP's next try. */
const nodesIn = (started: ReadonlySet<string>) =>
  [...started].some((name) => name !== HEALTH_NAME) ? undefined : [];

export const named = (services: readonly Service[], name: string) =>
  services.find((each) => each.name === name);

/** Looks at every service once and shows what is new. A driver that cannot list them now may at the next look. */
async function lookAtAll(wait: Wait): Promise<{ now: readonly Service[]; alive?: number | undefined }> {
  const { driver, request, names, before, former, started, last } = wait;
  const [found, gcs, health] = await Promise.all([
    started.size === 0 ? ok([]) : driver.list(request.part),
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
  return { now: found.value, alive: aliveIn(gcs) };
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

export interface Look extends Pick<Wait, "former"> {
  readonly name: string;
  readonly noun: Driver["noun"];
  readonly now: Service | undefined;
  readonly before: Service | undefined;
  readonly started: boolean;
  readonly gcs: Pick<GcsSnapshot, "view" | "noHead">;
  readonly health: Result<void, string>;
  readonly clientWord: string | undefined;
}

const GONE = { container: "its container was removed meanwhile", process: "its process is gone" } as const;

/** Judges one service. Pure. */
export function judgeService(look: Look): Seen {
  const { now, before, noun } = look;
  if (!look.started) return { notYet: "its turn to start has not come yet" };
  if (now === undefined) return { ended: GONE[noun] };
  // A restart policy turns an end into a restart, which counts all the same.
  const restartsBefore = now.ref === before?.ref ? before.restarts : 0;
  if (now.ended || now.restarts > restartsBefore) return { ended: now.exit };
  return now.running ? judgeRunning(look, now) : { notYet: `its ${noun} is ${now.status}` };
}

function judgeRunning({ before, former, gcs, health, clientWord }: Look, now: Service): Seen {
  const { name, life } = now;
  if (name === HEALTH_NAME) return health.ok ? { ready: "200 OK" } : { notYet: health.error };
  if (name === TEST_CLIENT_NAME)
    return clientWord === undefined ? { notYet: "it has not connected yet" } : { ready: clientWord };
  const { view, noHead } = gcs;
  if (noHead?.reason === "wants-token") return { notYet: `the GCS at ${noHead.at} refuses our token` };
  if (view === undefined) return { notYet: "no GCS answers yet" };
  const isNew = life !== before?.life;
  // A GCS that kept its state lists nodes that it had when it ended.
  const isFormer = ({ nodeId, startedAtMs: at }: NodeInfo) =>
    former.has(nodeId) || (at > 0 && at < now.startedAtMs);
  const lives = view.nodes.filter((each) => !isNew || !isFormer(each));
  const node = newestNamed(lives, name);
  if (node === undefined) return { notYet: "the GCS does not list it yet" };
  if (!node.alive) return { notYet: "the GCS lists it as DEAD" };
  return { ready: `${node.isHead ? "HEAD" : "WORKER"}, ALIVE` };
}
