import type { Address } from "../../../common/address.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import type { WsFailure } from "../../failure.ts";
import { TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../settings.ts";
import { takeLock } from "../../state/lock.ts";
import { readLogs } from "../log-files.ts";
import type { Job, LogLine, LogRequest, Runtime, TestReport } from "../runtime.ts";
import { embeddedCheckContext } from "./check-context.ts";
import { type EmbeddedCluster, type EmbeddedInput, openCluster } from "./cluster.ts";
import { removeKept } from "./folders.ts";
import { planTestClient, planTestWorker } from "./plan.ts";
import { machineOf, prepare } from "./prepare.ts";
import { reportCluster, serviceNames } from "./report.ts";
import { logFile } from "./start.ts";
import { restartIfTold, startMissing } from "./start-missing.ts";
import { takeDown } from "./take-down.ts";
import { up } from "./up.ts";

/** The services of config.yaml as processes of this machine, on loopback addresses. Linux only. */
export function embeddedRuntime(input: EmbeddedInput): Runtime {
  const cluster = openCluster(input);
  return {
    name: "embedded",
    up: (job, options) => withLock(cluster, job, () => up(cluster, job, options)),
    ps: async () => ok(await reportCluster(cluster)),
    logs: (request, signal) => Promise.resolve(logs(cluster, request, signal)),
    down: (job, { volumes }) =>
      withLock(cluster, job, async () => {
        const report = await takeDown(cluster, serviceNames(cluster), job.signal, showing(job));
        if (volumes && report.ok) removeKept(cluster);
        return report;
      }),
    startTest: (job, head) => withLock(cluster, job, () => startTest(cluster, job, head)),
    stopTest: (job) =>
      withLock(cluster, job, () =>
        takeDown(cluster, [TEST_WORKER_NAME, TEST_CLIENT_NAME], job.signal, showing(job)),
      ),
    checkContext: (head, signal) =>
      embeddedCheckContext(cluster, testHead(cluster, head), machineOf(cluster), signal),
  };
}

const showing = ({ progress }: Job) => ({ progress, id: "down" });

/** True while something runs that an earlier call of `ws` started here. */
export const isEmbeddedRunning = (input: EmbeddedInput): boolean =>
  process.platform === "linux" && openCluster(input).running().length > 0;

/** One change of the cluster at a time: a second `ws` waits for the first. */
async function withLock<T>(
  { folders }: EmbeddedCluster,
  { progress, signal }: Job,
  work: () => Promise<Result<T, WsFailure>>,
): Promise<Result<T, WsFailure>> {
  if (process.platform !== "linux")
    return err({ reason: "unsupported-platform", platform: process.platform });
  const onWait = () => progress.begin("lock", "Another ws is at work on this cluster; waiting for it");
  const lock = await takeLock(folders.lockFile, onWait, signal);
  if (!lock.ok) return lock;
  try {
    return await work();
  } finally {
    await lock.value.release();
  }
}

/** The HEAD that the test worker is told: as asked, else the one that serves, else config.yaml's. */
function testHead({ settings }: EmbeddedCluster, asked: Address | undefined): Address {
  return asked ?? settings.test.target;
}

async function startTest(
  cluster: EmbeddedCluster,
  job: Job,
  asked: Address | undefined,
): Promise<Result<TestReport, WsFailure>> {
  if (cluster.running().every(({ kind }) => kind !== "node"))
    return err({ reason: "not-running", what: "The cluster does not run", fix: "Start it first: ws up" });
  const machine = await prepare(cluster, job);
  if (!machine.ok) return machine;
  const { settings } = cluster;
  const head = testHead(cluster, asked);
  const clientPort =
    settings.nodes.find(({ name, headPort }) => name === head.host && headPort === head.port)?.clientPort ??
    settings.test.targetClientPort;
  const worker = planTestWorker(settings, head, machine.value);
  const client = planTestClient(settings, head, clientPort, machine.value);
  await restartIfTold(cluster, [worker, client], job);
  const started = await startMissing(cluster, [worker, client], job);
  return started.ok ? ok({ head, started: started.value }) : started;
}

function logs(
  cluster: EmbeddedCluster,
  request: LogRequest,
  signal: AbortSignal,
): Result<AsyncIterable<LogLine>, WsFailure> {
  const known = serviceNames(cluster);
  const unknown = request.nodes.find((node) => !known.includes(node));
  if (unknown !== undefined) return err({ reason: "no-such-node", node: unknown, known });
  const wanted = request.nodes.length === 0 ? known : request.nodes;
  const sources = wanted.map((node) => ({ node, file: logFile(cluster.folders, node) }));
  return ok(readLogs(sources, request, signal));
}
