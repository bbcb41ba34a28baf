import { join } from "node:path";
import type { Address } from "../../../common/address.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import { testVariables } from "../../compose/test-file.ts";
import { writeComposeFiles } from "../../compose/write-files.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import { likelyCause } from "../causes.ts";
import { takeLock } from "../lock.ts";
import type { Job, LogLine, LogRequest, Runtime, TestReport } from "../runtime.ts";
import { forgetSecrets } from "../secrets.ts";
import { blockedBy, silentEngine } from "./blocked.ts";
import { dockerCheckContext } from "./check-context.ts";
import { type DockerCluster, type DockerInput, openDockerCluster, refused, servicesOf } from "./cluster.ts";
import { isFromElsewhere, listContainers } from "./containers.ts";
import { endingWith } from "./engine.ts";
import { ensureImages } from "./images.ts";
import { dropKeptLogs, hasKeptLog, readKeptLog } from "./kept-logs.ts";
import { readAll, readContainer } from "./logs.ts";
import { lookAround } from "./neighbours.ts";
import { reportCluster } from "./report.ts";
import { start } from "./start.ts";
import { takeDown } from "./take-down.ts";
import { prepareFiles, up } from "./up.ts";

/** The services of config.yaml as containers of a Docker engine, through the compose files that `ws generate` writes. */
export function dockerRuntime(input: DockerInput): Runtime {
  const cluster = openDockerCluster(input);
  const everything = { part: undefined, volumes: false };
  return {
    name: "docker",
    up: (job, options) => withLock(cluster, job, () => up(cluster, job, options)),
    ps: (signal) => reportCluster(endingWith(cluster, signal)),
    logs: (request, signal) => logs(endingWith(cluster, signal), request, signal),
    down: (job, { volumes, anyFolder }) =>
      withLock(cluster, job, async () => {
        const folders = anyFolder ? [] : await foldersElsewhere(cluster);
        if (folders.length > 0)
          return err({ reason: "started-elsewhere", project: cluster.projectName, folders });
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

/** The folders of other config.yaml files from which containers of this project.name were started. */
async function foldersElsewhere({ configFolder, ...cluster }: DockerCluster): Promise<string[]> {
  const found = await listContainers(cluster);
  const strangers = found.ok ? found.value.filter((each) => isFromElsewhere(each, configFolder)) : [];
  return [...new Set(strangers.flatMap(({ folder }) => folder ?? []))];
}

const showing = ({ progress }: Job) => ({ progress, id: "down" });

/** What ws keeps about the cluster besides its volumes. */
function removeKept(cluster: DockerCluster): void {
  dropKeptLogs(cluster);
  forgetSecrets(cluster.stateDir, "docker");
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
  const generated = await prepareFiles(cluster);
  if (!generated.ok) return generated;
  const written = await writeComposeFiles(generated.value, cluster, { check: false });
  if (!written.ok) return written;
  const around = await lookAround(endingWith(cluster, job.signal).engine);
  if (!around.ok) return err({ reason: "machine-not-ready", problems: [silentEngine(around.error)] });
  const blocked = blockedBy(cluster, generated.value.plan, "test", around.value);
  if (blocked.length > 0) return err({ reason: "machine-not-ready", problems: blocked });
  const images = await ensureImages(endingWith(cluster, job.signal), job, false);
  if (!images.ok) return images;
  if (job.signal.aborted) return err(interrupted(job.signal));
  const head = asked ?? cluster.settings.test.target;
  const env = testVariables(cluster.settings, generated.value.plan, head);
  const started = await start(cluster, job, "test", env);
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
