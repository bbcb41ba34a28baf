import { join } from "node:path";
import type { Address } from "../../../common/address.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import type { Generated } from "../../compose/generate.ts";
import type { Part } from "../../compose/names.ts";
import { portsInUse, publishedPorts } from "../../compose/published-ports.ts";
import { readListeningPorts } from "../../compose/read-host.ts";
import { testVariables } from "../../compose/test-file.ts";
import { writeComposeFiles } from "../../compose/write-files.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import { takeLock } from "../lock.ts";
import type { Job, LogLine, LogRequest, Runtime, TestReport, UpReport } from "../runtime.ts";
import { forgetSecrets, keepSecrets } from "../secrets.ts";
import { tokenRefusal } from "../token-refusal.ts";
import { bringUp } from "./bring-up.ts";
import { likelyCause } from "./causes.ts";
import { dockerCheckContext } from "./check-context.ts";
import {
  badSettings,
  type DockerCluster,
  type DockerInput,
  openDockerCluster,
  ownHeads,
  refused,
  servicesOf,
} from "./cluster.ts";
import { type Container, listContainers, sameLife } from "./containers.ts";
import { endingWith } from "./engine.ts";
import { ensureImages } from "./images.ts";
import { dropKeptLogs, hasKeptLog, keepLog, readKeptLog } from "./kept-logs.ts";
import { readAll, readContainer } from "./logs.ts";
import { reportCluster } from "./report.ts";
import { dropEmptyNetworks, removeContainers, takeDown } from "./take-down.ts";

/** The services of config.yaml as containers of a Docker engine, through the compose files that `ws generate` writes. */
export function dockerRuntime(input: DockerInput): Runtime {
  const cluster = openDockerCluster(input);
  const everything = { part: undefined, volumes: false };
  return {
    name: "docker",
    up: (job, { build }) => withLock(cluster, job, () => up(cluster, job, build)),
    ps: (signal) => reportCluster(endingWith(cluster, signal)),
    logs: (request, signal) => logs(endingWith(cluster, signal), request, signal),
    down: (job, { volumes }) =>
      withLock(cluster, job, async () => {
        const report = await takeDown(cluster, { ...everything, volumes }, job.signal, showing(job));
        if (volumes && report.ok) removeKept(cluster);
        return report;
      }),
    startTest: (job, head) => withLock(cluster, job, () => startTest(cluster, job, head)),
    stopTest: (job) =>
      withLock(cluster, job, () =>
        takeDown(cluster, { ...everything, part: "test" }, job.signal, showing(job)),
      ),
    checkContext: (head, signal) =>
      dockerCheckContext(endingWith(cluster, signal), head ?? cluster.settings.test.target, signal),
  };
}

const showing = ({ progress }: Job) => ({ progress, id: "down" });

/** What ws keeps of the cluster beside its volumes. */
function removeKept({ state, stateDir }: DockerCluster): void {
  dropKeptLogs({ state });
  forgetSecrets(stateDir, "docker");
}

/** One change of the cluster at a time: a second `ws` waits for the first. */
async function withLock<T>(
  { state }: DockerCluster,
  { progress, signal }: Job,
  work: () => Promise<Result<T, WsFailure>>,
): Promise<Result<T, WsFailure>> {
  const onWait = () => progress.begin("lock", "Another ws is at work on this cluster; waiting for it");
  const lock = await takeLock(join(state, "lock"), onWait, signal);
  if (!lock.ok) return lock;
  try {
    return await work();
  } finally {
    await lock.value.release();
  }
}

async function writeFiles({
  settings,
  configFile,
  configFolder,
  root,
}: DockerCluster): Promise<Result<Generated, WsFailure>> {
  const report = await writeComposeFiles(settings, { folder: configFolder, root, check: false });
  return report.ok ? ok(report.value.generated) : err(badSettings(configFile, report.error));
}

async function up(cluster: DockerCluster, job: Job, build: boolean): Promise<Result<UpReport, WsFailure>> {
  const asked = endingWith(cluster, job.signal);
  const generated = await writeFiles(cluster);
  if (!generated.ok) return generated;
  const containers = await listContainers(asked);
  if (!containers.ok) return refused(containers, likelyCause);
  const refusal = await tokenRefusal(ownHeads(cluster, containers.value), cluster.token);
  if (refusal !== undefined) return err(refusal);
  const images = await ensureImages(asked, job, build);
  if (!images.ok) return images;
  keepSecrets(cluster.stateDir, "docker", cluster.env);
  dropKeptLogs(cluster);
  const started = await start(cluster, job, "main", generated.value, {});
  if (!started.ok) return started;
  const report = await reportCluster(asked);
  if (!report.ok) return report;
  const { warnings } = generated.value;
  return ok({ started: started.value, cluster: report.value, warnings });
}

/** Starts what is missing; what this call started is gone again when it fails. */
async function start(
  cluster: DockerCluster,
  job: Job,
  part: Part,
  generated: Generated,
  env: Readonly<Record<string, string>>,
): Promise<Result<string[], WsFailure>> {
  const asked = endingWith(cluster, job.signal);
  const before = await listContainers(asked, part);
  if (job.signal.aborted) return err(interrupted(job.signal));
  if (!before.ok) return refused(before, likelyCause);
  const blocked = portProblems(cluster, part, generated, before.value);
  if (blocked.length > 0) return err({ reason: "machine-not-ready", problems: blocked });
  let brought: Result<string[], WsFailure> | undefined;
  try {
    brought = await bringUp(asked, { part, services: servicesOf(cluster, part), env }, job);
    return brought;
  } finally {
    // A test worker that could not join stays, so that one can look at it; `ws test --down` removes it.
    if (brought === undefined || (!brought.ok && (part === "main" || job.signal.aborted)))
      await undo(cluster, job, part, before.value);
  }
}

function portProblems(
  { settings }: DockerCluster,
  part: Part,
  { plan }: Generated,
  containers: readonly Container[],
) {
  const running = containers.filter((each) => each.running).map(({ service }) => service);
  const wanted = publishedPorts(settings, plan, part).filter(({ service }) => !running.includes(service));
  return portsInUse(wanted, readListeningPorts());
}

async function undo(
  cluster: DockerCluster,
  { progress }: Job,
  part: Part,
  before: readonly Container[],
): Promise<void> {
  const now = await listContainers(cluster, part);
  const started = now.ok ? now.value.filter((each) => !before.some((old) => sameLife(old, each))) : [];
  if (started.length === 0) return dropEmptyNetworks(cluster, part);
  progress.begin("undo", "Taking down what was started");
  await Promise.all(started.map((each) => keepLog(cluster, each)));
  await removeContainers(cluster, started);
  await dropEmptyNetworks(cluster, part);
  progress.done("undo", "What was started is gone again");
}

async function startTest(
  cluster: DockerCluster,
  job: Job,
  asked: Address | undefined,
): Promise<Result<TestReport, WsFailure>> {
  const main = await listContainers(endingWith(cluster, job.signal), "main");
  if (job.signal.aborted) return err(interrupted(job.signal));
  if (!main.ok) return refused(main, likelyCause);
  if (!main.value.some((each) => each.running))
    return err({ reason: "not-running", what: "The cluster does not run", fix: "Start it first: ws up" });
  const generated = await writeFiles(cluster);
  if (!generated.ok) return generated;
  const images = await ensureImages(endingWith(cluster, job.signal), job, false);
  if (!images.ok) return images;
  if (job.signal.aborted) return err(interrupted(job.signal));
  const head = asked ?? cluster.settings.test.target;
  const env = testVariables(cluster.settings, generated.value.plan, head);
  const started = await start(cluster, job, "test", generated.value, env);
  return started.ok ? ok({ head, started: started.value }) : started;
}

async function logs(
  cluster: DockerCluster,
  request: LogRequest,
  signal: AbortSignal,
): Promise<Result<AsyncIterable<LogLine>, WsFailure>> {
  const found = await listContainers(cluster);
  if (!found.ok) return refused(found, likelyCause);
  const named = [...servicesOf(cluster, "main"), ...servicesOf(cluster, "test")];
  const known = [...new Set([...named, ...found.value.map(({ service }) => service)])];
  const unknown = request.nodes.find((node) => !known.includes(node));
  if (unknown !== undefined) return err({ reason: "no-such-node", node: unknown, known });
  const wanted = request.nodes.length === 0 ? known : request.nodes;
  const sources = wanted.flatMap((node) => {
    const container = found.value.find(({ service }) => service === node);
    if (container !== undefined) return [readContainer(container, request, cluster.env, signal)];
    return hasKeptLog(cluster, node) ? [readKeptLog(cluster, node, request, signal)] : [];
  });
  return ok(readAll(sources, request.follow));
}
