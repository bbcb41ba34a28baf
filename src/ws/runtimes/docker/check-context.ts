import type { Address } from "../../../common/address.ts";
import { formatAddress } from "../../../common/address.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import { type ClientReport, clientProbeCommand, readClientReport } from "../../checks/client-probe.ts";
import type { CheckContext } from "../../checks/context.ts";
import { type PairsReport, pairsProbeCommand, readPairsReport } from "../../checks/pairs-probe.ts";
import { settledStatus } from "../../checks/ray-status.ts";
import { type ClusterView, findHeads, viewCluster } from "../../cluster-view.ts";
import type { ComposeService } from "../../compose/compose-file.ts";
import { mainComposeFile } from "../../compose/main-file.ts";
import { containerName } from "../../compose/names.ts";
import { testComposeFile } from "../../compose/test-file.ts";
import { TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../settings.ts";
import { once } from "../once.ts";
import { type DockerCluster, hostPlanOf, nodeAt, ownHeads } from "./cluster.ts";
import { listContainers } from "./containers.ts";
import type { Refusal } from "./engine.ts";
import { lifeLog } from "./logs.ts";
import { statusOf } from "./status.ts";

const COMMAND_TIMEOUT_MS = 120_000;
/** Where the Ray images keep their Python. */
const BIN_DIR = "/home/ray/anaconda3/bin";
/** Whom Ray runs as in them. The engine gives even root no look into another user's process. */
const RAY_USER = "ray";

/** How the checks look at a cluster of containers. `head` is what the test worker was told. */
export function dockerCheckContext(cluster: DockerCluster, head: Address, signal: AbortSignal): CheckContext {
  const { settings, engine, token, here } = cluster;
  const containers = once(() => listContainers(cluster));
  const own = async () => {
    const found = await containers();
    return found.ok ? ownHeads(cluster, found.value) : cluster;
  };
  const containerOf = async (service: string) => {
    const found = await containers();
    return found.ok ? found.value.find((each) => each.service === service) : undefined;
  };
  const run: CheckContext["run"] = (service, command) => runIn(cluster, service, command);
  const freshCluster = async (): Promise<Result<ClusterView, string>> => {
    const view = await viewCluster(await own());
    return view === undefined ? err("no GCS of this cluster answers") : ok(view);
  };
  const clusterView = once(freshCluster);
  const clientPort =
    settings.nodes.find(({ name }) => name === head.host)?.clientPort ?? settings.test.targetClientPort;
  const headNode = async () => {
    const view = await clusterView();
    if (!view.ok) return view;
    const node = nodeAt(cluster, view.value.head.address);
    return node === undefined
      ? err(`the HEAD at ${formatAddress(view.value.head.address)} is no node of config.yaml`)
      : ok(node);
  };
  return {
    runtime: "docker",
    settings,
    healthUrl: cluster.healthUrl,
    binDir: BIN_DIR,
    token,
    signal,
    freshCluster,
    dashboardUrl: async () => {
      const node = await headNode();
      return node.ok
        ? ok(`http://${here === "127.0.0.1" ? "localhost" : here}:${node.value.dashboardPort}`)
        : node;
    },
    heads: once(async () => findHeads(await own())),
    cluster: clusterView,
    rayStatus: once(async () => {
      const node = await headNode();
      if (!node.ok) return node;
      return settledStatus(() => run(node.value.name, ["ray", "status"]), await clusterView(), signal);
    }),
    client: once(async (): Promise<Result<ClientReport, string>> => {
      const output = await run(TEST_CLIENT_NAME, clientProbeCommand(head.host, head.port, clientPort));
      return output.ok ? readClientReport(output.value) : output;
    }),
    pairs: once(async (): Promise<Result<PairsReport, string>> => {
      const output = await run(TEST_CLIENT_NAME, pairsProbeCommand(head.host, clientPort));
      return output.ok ? readPairsReport(output.value) : output;
    }),
    log: async (service) => {
      const container = await containerOf(service);
      return container === undefined ? "" : lifeLog(engine, container);
    },
    status: async (service) => {
      const container = await containerOf(service);
      return container && statusOf(cluster, container);
    },
    environment: (service) => environmentIn(cluster, service),
    expectedEnvironment: (service) => expectedIn(cluster, service, head),
    expectedMemory: (service) => memoryIn(cluster, service),
    run,
  };
}

/** `docker exec`, as a person types it. */
async function runIn(
  { engine, settings }: DockerCluster,
  service: string,
  command: readonly string[],
): Promise<Result<string, string>> {
  const words = ["exec", ...asUser(command), containerName(settings, service), ...command];
  const done = await engine.docker(words, { timeoutMs: COMMAND_TIMEOUT_MS });
  return done.ok ? done : err(inOneLine(command, done.error));
}

/** Only root may become somebody else without a password. */
const asUser = ([program]: readonly string[]): string[] => (program === "su" ? ["--user", "root"] : []);

const inOneLine = ([program = "", first = ""]: readonly string[], { lines }: Refusal): string =>
  `${program} ${first.slice(0, 20)}: ${lines.slice(-3).join(" / ") || "it failed without a word"}`;

/** The raylet is the part that runs the user's work; its environment is what its workers get. */
const RAYLET_ENVIRONMENT = `
for process in /proc/[0-9]*; do
  case $(tr '\\0' ' ' < "$process/cmdline") in */raylet/raylet\\ *) cat "$process/environ"; exit 0 ;; esac
done 2>/dev/null
echo "no raylet runs" >&2
exit 1`;

async function environmentIn(
  { engine, settings }: DockerCluster,
  service: string,
): Promise<Result<Readonly<Record<string, string>>, string>> {
  const words = [
    "exec",
    "--user",
    RAY_USER,
    containerName(settings, service),
    "sh",
    "-c",
    RAYLET_ENVIRONMENT,
  ];
  const done = await engine.docker(words, { timeoutMs: COMMAND_TIMEOUT_MS });
  if (!done.ok) return err(done.error.lines.at(-1) ?? "its environment cannot be read");
  const entries = done.value.split("\0").filter(Boolean);
  return ok(
    Object.fromEntries(
      entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
    ),
  );
}

/** What the compose files say, with compose's own marks resolved. */
function expectedIn(
  cluster: DockerCluster,
  service: string,
  head: Address,
): Readonly<Record<string, string>> {
  const plan = hostPlanOf(cluster);
  if (!plan.ok) return {};
  const { settings } = cluster;
  if (service !== TEST_WORKER_NAME) return written(mainComposeFile(settings, plan.value).services[service]);
  return {
    ...written(testComposeFile(settings, plan.value).services[service]),
    HEAD_ADDRESS: formatAddress(head),
  };
}

/** The values that stand in the file; those that compose takes from elsewhere are not judged by it. */
function written(service: ComposeService | undefined): Readonly<Record<string, string>> {
  const all = Object.entries(service?.environment ?? {});
  return unescaped(Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null)));
}

/** Compose gives a container what the machine has, which may be less than config.yaml wants. */
function memoryIn(cluster: DockerCluster, service: string): number {
  const plan = hostPlanOf(cluster);
  if (!plan.ok) return 0;
  const node = [...plan.value.nodes, plan.value.testWorker].find(({ name }) => name === service);
  return node?.limits.memoryBytes ?? 0;
}

const unescaped = (environment: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, value.replaceAll("$$", "$")]));
