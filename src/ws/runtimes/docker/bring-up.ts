import { type Deadline, deadlineIn, pause } from "../../../common/deadline.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import { lookAtCluster, refusing, viewCluster } from "../../cluster-view.ts";
import type { Part } from "../../compose/names.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import { TEST_CLIENT_NAME } from "../../settings.ts";
import { healthAnswers } from "../ask-health.ts";
import { causeOf, likelyCause } from "../causes.ts";
import { CLIENT_WORDS } from "../client-program.ts";
import type { Job } from "../runtime.ts";
import { type DockerCluster, refused } from "./cluster.ts";
import { type Container, listContainers, sameLife } from "./containers.ts";
import type { Refusal } from "./engine.ts";
import { keepLog } from "./kept-logs.ts";
import { lastLines, lifeLog } from "./logs.ts";
import { judgeService, type Seen } from "./readiness.ts";
import { startInOrder } from "./start-in-order.ts";
import { statusOf } from "./status.ts";

/** Each look starts programs of Docker's, on processors that Ray's start wants for itself. */
const LOOK_EVERY_MS = 400;
const LAST_LINES = 20;

export interface BringUp {
  readonly part: Part;
  readonly services: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Lets compose start the services of one file and waits until each is ready: the health service when it answers, a node
 * when the GCS lists it as ALIVE. Returns the services whose containers are new. Nothing is taken down here.
 */
export async function bringUp(
  cluster: DockerCluster,
  { part, services, env }: BringUp,
  job: Job,
): Promise<Result<string[], WsFailure>> {
  const before = await listContainers(cluster, part);
  if (job.signal.aborted) return err(interrupted(job.signal));
  if (!before.ok) return refused(before, likelyCause);
  const view = await viewCluster(cluster);
  const stop = new AbortController();
  const wait: Wait = {
    cluster,
    part,
    services,
    before: before.value,
    former: new Set(view?.nodes.map(({ nodeId }) => nodeId)),
    deadline: deadlineIn(job.timeoutMs),
    job,
    last: new Map(),
    ran: new Set(),
  };
  for (const service of services) job.progress.begin(service, service);
  const signal = AbortSignal.any([job.signal, stop.signal]);
  const composing = startInOrder(cluster, part, services, { signal, env });
  const outcome = await untilAllReady(wait, composing);
  stop.abort();
  await composing;
  return outcome;
}

interface Wait {
  readonly cluster: DockerCluster;
  readonly part: Part;
  readonly services: readonly string[];
  readonly before: readonly Container[];
  readonly former: ReadonlySet<string>;
  readonly deadline: Deadline;
  readonly job: Job;
  /** What was seen of each service last. */
  readonly last: Map<string, Seen>;
  /** Services whose new container has been seen running. */
  readonly ran: Set<string>;
}

async function untilAllReady(
  wait: Wait,
  composing: Promise<Result<string, Refusal>>,
): Promise<Result<string[], WsFailure>> {
  const { job, services, deadline } = wait;
  let composed: Result<string, Refusal> | undefined;
  void composing.then((end) => {
    composed = end;
  });
  for (;;) {
    // Asked before the look: what compose has just finished is then seen by that look.
    const ended = composed;
    const found = await lookAtAll(wait, ended?.ok === true);
    if (job.signal.aborted) return err(interrupted(job.signal));
    const failure = await failureOf(wait, ended, found);
    if (failure !== undefined) return err(failure);
    if (ended?.ok && services.every((service) => isReady(wait.last.get(service))))
      return ok(changed(wait, found));
    if (deadline.expired()) return err(await tooLate(wait));
    await pause(LOOK_EVERY_MS, job.signal);
  }
}

const isReady = (seen: Seen | undefined): boolean => seen !== undefined && "ready" in seen;

/** What was shown as ready or ended is not shown again. */
const isNews = (before: Seen | undefined, seen: Seen): boolean =>
  "notYet" in seen || before === undefined || Object.keys(before)[0] !== Object.keys(seen)[0];

const changed = ({ services, before }: Wait, now: readonly Container[]): string[] =>
  services.filter((service) => {
    const of = (list: readonly Container[]) => list.find((each) => each.service === service);
    return !sameLife(of(now), of(before));
  });

/** Looks at every service once and shows what is new. */
async function lookAtAll(wait: Wait, composed: boolean): Promise<readonly Container[]> {
  const { cluster, part, services, before, former, job, last, ran } = wait;
  const [found, { view, ...seenHeads }, healthAnswer] = await Promise.all([
    listContainers(cluster, part),
    lookAtCluster(cluster),
    healthAnswers(cluster.healthUrl),
  ]);
  const tokenRefused = refusing(seenHeads) !== undefined;
  const containers = found.ok ? found.value : [];
  const of = (list: readonly Container[], name: string) => list.find(({ service }) => service === name);
  for (const service of services) {
    const now = of(containers, service);
    const clientWord = service === TEST_CLIENT_NAME ? await wordOfClient(cluster, now) : undefined;
    const was = of(before, service);
    if (now?.running && !sameLife(now, was)) ran.add(service);
    const gone = found.ok && ran.has(service);
    const gcs = { view, tokenRefused, former };
    const look = { service, now, before: was, ran: gone, composed, ...gcs, healthAnswer, clientWord };
    const seen = judgeService(look);
    if (isNews(last.get(service), seen)) show(job, service, now, seen);
    last.set(service, seen);
  }
  return containers;
}

function show({ progress }: Job, service: string, container: Container | undefined, seen: Seen): void {
  const where = container?.addresses.find((each) => each !== "");
  const name = where === undefined ? service : `${service} at ${where}`;
  if ("ready" in seen) progress.done(service, `${name}: ${seen.ready}`);
  else if ("ended" in seen) progress.fail(service, `${name}: ${seen.ended}`);
  else progress.note(service, seen.notYet);
}

/** A client that could not connect is up all the same: it stays for debugging, and the checks judge what it says. */
async function wordOfClient(
  { engine }: DockerCluster,
  container: Container | undefined,
): Promise<string | undefined> {
  if (container === undefined) return undefined;
  const lines = await lastLines(engine, container.id, 100);
  return lines.findLast((line) => CLIENT_WORDS.some((words) => line.startsWith(words)));
}

/** A node that ended says more than compose, which only missed it. */
async function failureOf(
  wait: Wait,
  composed: Result<string, Refusal> | undefined,
  found: readonly Container[],
): Promise<WsFailure | undefined> {
  // The test's two do not need each other: one that ended is no reason to lose sight of the other.
  const decided = [...wait.last.values()].every((seen) => !("notYet" in seen));
  if (wait.part === "main" || decided)
    for (const [service, seen] of wait.last)
      if ("ended" in seen) return ended(wait.cluster, service, seen.ended, seen.container);
  if (composed === undefined || composed.ok) return undefined;
  const sick = found.find((each) => wait.services.includes(each.service) && each.health === "unhealthy");
  if (sick !== undefined) return ended(wait.cluster, sick.service, "its health check says no", sick);
  return { reason: "engine-refused", ...composed.error, cause: likelyCause(composed.error.lines) };
}

async function ended(
  cluster: DockerCluster,
  node: string,
  how: string,
  container: Container | undefined,
): Promise<WsFailure> {
  // A removed container has no log.
  const lines = container === undefined ? [] : await lastLines(cluster.engine, container.id, LAST_LINES);
  const log = await keepLog(cluster, node, container, how);
  const status = container && (await statusOf(cluster, container));
  return { reason: "node-ended", node, how, lines, log, cause: causeOf(status, [how, ...lines]) };
}

async function tooLate({ cluster, part, last, job }: Wait): Promise<WsFailure> {
  const found = await listContainers(cluster, part);
  const missing = [...last].flatMap(([node, seen]) => ("notYet" in seen ? [{ node, why: seen.notYet }] : []));
  return {
    reason: "not-ready-in-time",
    timeoutMs: job.timeoutMs,
    missing: await Promise.all(
      missing.map(async ({ node, why }) => {
        const container = found.ok ? found.value.find(({ service }) => service === node) : undefined;
        if (container === undefined) return { node, why, lines: [], cause: undefined };
        const said = (await lifeLog(cluster.engine, container)).trimEnd().split("\n");
        const cause = causeOf(await statusOf(cluster, container), said);
        return { node, why, lines: said.slice(-LAST_LINES), cause };
      }),
    ),
  };
}
