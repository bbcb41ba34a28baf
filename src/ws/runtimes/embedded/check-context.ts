import { readFileSync } from "node:fs";
import { execa } from "execa";
import type { Address } from "../../../common/address.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import { type ClientReport, clientProbeCommand, readClientReport } from "../../checks/client-probe.ts";
import type { CheckContext } from "../../checks/context.ts";
import { type PairsReport, pairsProbeCommand, readPairsReport } from "../../checks/pairs-probe.ts";
import { settledStatus } from "../../checks/ray-status.ts";
import { type ClusterView, findHeads, viewCluster } from "../../cluster-view.ts";
import { TEST_CLIENT_NAME } from "../../settings.ts";
import { readLog } from "../log-files.ts";
import { once } from "../once.ts";
import { type EmbeddedCluster, statusOf } from "./cluster.ts";
import { healthUrl, type Machine, onLoopback, planNode, planTestWorker } from "./plan.ts";
import type { ProcessInfo } from "./processes.ts";
import { baseEnvironment, logFile } from "./start.ts";
import { findProcesses } from "./stop.ts";

const COMMAND_TIMEOUT_MS = 120_000;
const KILL_MS = 2_000;

/** How the checks look at an embedded cluster. `head` is what the test worker was told. */
export function embeddedCheckContext(
  cluster: EmbeddedCluster,
  head: Address,
  machine: Machine,
  signal: AbortSignal,
): CheckContext {
  const { settings, folders, token } = cluster;
  const target = onLoopback(settings, head);
  const node = settings.nodes.find(({ loopbackAddress }) => loopbackAddress === target.host);
  const run: CheckContext["run"] = (service, command) =>
    runIn(cluster, machine, { service, command, signal });
  const clientPort = node?.clientPort ?? settings.test.targetClientPort;
  const freshCluster = async (): Promise<Result<ClusterView, string>> => {
    const view = await viewCluster(cluster.ownHeads());
    return view === undefined ? err("no GCS of this cluster answers") : ok(view);
  };
  const clusterView = once(freshCluster);
  return {
    runtime: "embedded",
    settings,
    healthUrl: healthUrl(settings),
    binDir: machine.binDir,
    token,
    signal,
    freshCluster,
    dashboardUrl: async () => {
      const view = await clusterView();
      if (!view.ok) return view;
      const { host } = view.value.head.address;
      const owner = settings.nodes.find(({ loopbackAddress }) => loopbackAddress === host);
      return owner === undefined
        ? err(`no node of config.yaml lives at ${host}`)
        : ok(`http://${host}:${owner.dashboardPort}`);
    },
    heads: once(() => findHeads(cluster.ownHeads())),
    cluster: clusterView,
    rayStatus: once(async () => {
      const view = await clusterView();
      if (!view.ok) return view;
      const { host, port } = view.value.head.address;
      const ask = () => run(TEST_CLIENT_NAME, ["ray", "status", "--address", `${host}:${port}`]);
      return settledStatus(ask, view, signal);
    }),
    client: once(async (): Promise<Result<ClientReport, string>> => {
      const output = await run(TEST_CLIENT_NAME, clientProbeCommand(target.host, target.port, clientPort));
      return output.ok ? readClientReport(output.value) : output;
    }),
    pairs: once(async (): Promise<Result<PairsReport, string>> => {
      const output = await run(TEST_CLIENT_NAME, pairsProbeCommand(target.host, clientPort));
      return output.ok ? readPairsReport(output.value) : output;
    }),
    log: (service) => readLog(logFile(folders, service)),
    status: (service) => statusOf(cluster, service),
    environment: (service) =>
      Promise.resolve(environmentOf(findProcesses(folders, (name) => name === service))),
    expectedEnvironment: (service) => {
      const wanted = settings.nodes.find(({ name }) => name === service);
      return (
        wanted === undefined ? planTestWorker(settings, head, machine) : planNode(settings, wanted, machine)
      ).env;
    },
    // Nothing limits a process here: each node counts what config.yaml says.
    expectedMemory: (service) => settings.nodes.find(({ name }) => name === service)?.memoryBytes ?? 0,
    run,
  };
}

interface Command {
  readonly service: string;
  readonly command: readonly string[];
  readonly signal: AbortSignal;
}

/** All nodes share this machine: a command "in" a node has its PATH and its address. */
async function runIn(
  { env, folders }: EmbeddedCluster,
  machine: Machine,
  { service, command: [file = "", ...args], signal }: Command,
): Promise<Result<string, string>> {
  const base = baseEnvironment(env);
  const { all, exitCode, failed, shortMessage } = await execa(file, args, {
    all: true,
    reject: false,
    timeout: COMMAND_TIMEOUT_MS,
    cancelSignal: signal,
    // Ray's commands start others, which hold the output.
    killDescendants: true,
    forceKillAfterDelay: KILL_MS,
    cwd: folders.state,
    extendEnv: false,
    stdin: "ignore",
    env: {
      ...base,
      PATH: `${machine.binDir}:${base.PATH ?? ""}`,
      RAY_USAGE_STATS_ENABLED: "0",
      WS_IN: service,
    },
  });
  if (!failed) return ok(all);
  const last = all?.trim().split("\n").slice(-3).join(" / ");
  return err(
    `${file} ${args[0] ?? ""}: ${exitCode === undefined ? shortMessage : `exit code ${exitCode}`}: ${last}`,
  );
}

/** The raylet is the part that runs the user's work; its environment is what its workers get. */
function environmentOf(processes: readonly ProcessInfo[]): Result<Record<string, string>, string> {
  const raylet = processes.find(({ command }) => /\/raylet\/raylet /.test(command));
  if (raylet === undefined) return err("no raylet runs");
  const entries = readFileSync(`/proc/${raylet.pid}/environ`, "utf8").split("\0").filter(Boolean);
  return ok(
    Object.fromEntries(
      entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
    ),
  );
}
