import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Address } from "../../../common/address.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import type { WsFailure } from "../../failure.ts";
import { TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../settings.ts";
import { takeLock } from "../lock.ts";
import type { Job, LogLine, LogRequest, Runtime, TestReport, UpReport } from "../runtime.ts";
import { bringUp } from "./bring-up.ts";
import { embeddedCheckContext } from "./check-context.ts";
import { type EmbeddedCluster, type EmbeddedInput, openCluster } from "./cluster.ts";
import { makeFolders } from "./folders.ts";
import { readLogs } from "./logs.ts";
import { readMachine } from "./machine.ts";
import {
  type Machine,
  type ProcessPlan,
  planHealth,
  planNode,
  planTestClient,
  planTestWorker,
} from "./plan.ts";
import { reportCluster, serviceNames } from "./report.ts";
import { fingerprintOf, logFile } from "./start.ts";
import { takeDown } from "./take-down.ts";
import { ensureVenv } from "./venv.ts";

/** The services of config.yaml as processes of this machine, on loopback addresses. Linux only. */
export function embeddedRuntime(input: EmbeddedInput): Runtime {
  const cluster = openCluster(input);
  return {
    name: "embedded",
    up: (job) => withLock(cluster, job, () => up(cluster, job)),
    ps: () => reportCluster(cluster),
    logs: (request, signal) => Promise.resolve(logs(cluster, request, signal)),
    down: (job, { volumes }) =>
      withLock(cluster, job, async () => {
        const report = await takeDown(cluster, serviceNames(cluster.settings), job.signal);
        if (volumes) rmSync(cluster.folders.state, { recursive: true, force: true });
        return report;
      }),
    startTest: (job, head) => withLock(cluster, job, () => startTest(cluster, job, head)),
    stopTest: (job) =>
      withLock(cluster, job, () => takeDown(cluster, [TEST_WORKER_NAME, TEST_CLIENT_NAME], job.signal)),
    checkContext: (head, signal) =>
      embeddedCheckContext(cluster, testHead(cluster, head), machineOf(cluster), signal),
  };
}

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

async function prepare(cluster: EmbeddedCluster, job: Job): Promise<Result<Machine, WsFailure>> {
  const { settings, env, folders, venvDir } = cluster;
  const venv = await ensureVenv({
    folder: join(venvDir, `venv-${settings.rayVersion}`),
    rayVersion: settings.rayVersion,
    python: env.WS_PYTHON ?? "python3",
    env,
    progress: job.progress,
    signal: job.signal,
  });
  if (!venv.ok) return venv;
  const made = makeFolders(folders);
  return made.ok ? ok(machineOf(cluster)) : made;
}

const machineOf = ({ settings, folders, venvDir, dist }: EmbeddedCluster): Machine =>
  readMachine(settings, folders, join(venvDir, `venv-${settings.rayVersion}`, "bin"), dist);

async function up(cluster: EmbeddedCluster, job: Job): Promise<Result<UpReport, WsFailure>> {
  const machine = await prepare(cluster, job);
  if (!machine.ok) return machine;
  const { settings } = cluster;
  const plans = [
    ...(settings.health.enabled ? [planHealth(settings, machine.value)] : []),
    ...settings.nodes.map((node) => planNode(settings, node, machine.value)),
  ];
  const started = await startMissing(cluster, plans, job);
  return started.ok
    ? ok({ started: started.value, cluster: await reportCluster(cluster), warnings: [] })
    : started;
}

/** Starts those that do not run; what an earlier life of them left is cleared first. On failure they are gone again. */
async function startMissing(
  cluster: EmbeddedCluster,
  plans: readonly ProcessPlan[],
  job: Job,
): Promise<Result<string[], WsFailure>> {
  const running = new Set(cluster.running().map(({ name }) => name));
  const missing = plans.filter(({ name }) => !running.has(name));
  const names = missing.map(({ name }) => name);
  if (names.length === 0) return ok([]);
  const cleared = await takeDown(cluster, names, job.urgent);
  if (!cleared.ok) return cleared;
  const made = makeFolders(cluster.folders);
  if (!made.ok) return made;
  const brought = await bringUp(cluster, missing, job);
  if (brought.ok) return ok(names);
  job.progress.begin("undo", "Taking down what was started");
  await takeDown(cluster, names, job.urgent);
  job.progress.done("undo", "What was started is gone again");
  return brought;
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

/** A worker that was told another HEAD has to be told anew. */
async function restartIfTold(
  cluster: EmbeddedCluster,
  plans: readonly ProcessPlan[],
  job: Job,
): Promise<void> {
  const changed = plans.filter((plan) =>
    cluster
      .running()
      .some(({ name, fingerprint }) => name === plan.name && fingerprint !== fingerprintOf(plan)),
  );
  await takeDown(
    cluster,
    changed.map(({ name }) => name),
    job.signal,
  );
}

function logs(
  { settings, folders }: EmbeddedCluster,
  request: LogRequest,
  signal: AbortSignal,
): Result<AsyncIterable<LogLine>, WsFailure> {
  const known = serviceNames(settings);
  const unknown = request.nodes.find((node) => !known.includes(node));
  if (unknown !== undefined) return err({ reason: "no-such-node", node: unknown, known });
  const wanted = request.nodes.length === 0 ? known : request.nodes;
  const sources = wanted.map((node) => ({ node, file: logFile(folders, node) }));
  return ok(readLogs(sources, request, signal));
}
