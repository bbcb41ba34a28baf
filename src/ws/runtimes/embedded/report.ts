import type { ClusterView } from "../../cluster-view.ts";
import { newestNamed, viewCluster } from "../../cluster-view.ts";
import { HEALTH_NAME, type Settings, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../settings.ts";
import { healthAnswers } from "../ask-health.ts";
import type { ClusterReport, HeadReport, ServiceReport } from "../runtime.ts";
import type { EmbeddedCluster } from "./cluster.ts";
import type { StartedProcess } from "./state.ts";

/** Every service that this cluster can have, in the order in which they are shown. */
export function serviceNames({ nodes }: Settings): string[] {
  return [HEALTH_NAME, ...nodes.map(({ name }) => name), TEST_WORKER_NAME, TEST_CLIENT_NAME];
}

/** What runs, as the GCS and this machine see it. The test's two are shown only while they run. */
export async function reportCluster(cluster: EmbeddedCluster): Promise<ClusterReport> {
  const { settings } = cluster;
  const running = cluster.running();
  const view = await viewCluster(cluster);
  const processOf = (name: string) => running.find((each) => each.name === name);
  const nodes = settings.nodes.map(({ name, loopbackAddress }) =>
    reportNode(name, loopbackAddress, processOf(name), view),
  );
  const worker = processOf(TEST_WORKER_NAME);
  const client = processOf(TEST_CLIENT_NAME);
  return {
    runtime: "embedded",
    head: view === undefined ? undefined : reportHead(settings, view),
    services: [
      ...(settings.health.enabled ? [await reportHealth(cluster, processOf(HEALTH_NAME))] : []),
      ...nodes,
      ...(worker === undefined ? [] : [reportNode(worker.name, worker.address, worker, view)]),
      ...(client === undefined
        ? []
        : [{ ...plain(client.name, client.address, client), role: "client" as const }]),
    ],
  };
}

function reportHead({ nodes }: Settings, { head }: ClusterView): HeadReport {
  const { address, version, clusterId } = head;
  const node = nodes.find(({ loopbackAddress }) => loopbackAddress === address.host);
  return {
    node: node?.name ?? address.host,
    address,
    version,
    clusterId,
    dashboardUrl: `http://${address.host}:${node?.dashboardPort ?? 8265}`,
    clientUrl: `ray://${address.host}:${node?.clientPort ?? 10001}`,
  };
}

function plain(name: string, address: string, started: StartedProcess | undefined): ServiceReport {
  return {
    name,
    role: "–",
    address,
    state: started === undefined ? "stopped" : "up",
    cpus: undefined,
    memoryBytes: undefined,
    version: undefined,
    uptimeS:
      started === undefined ? undefined : Math.max(0, Math.round((Date.now() - started.startedAt) / 1000)),
    pid: started?.pid,
  };
}

async function reportHealth(
  { settings: { health }, healthUrl }: EmbeddedCluster,
  started: StartedProcess | undefined,
): Promise<ServiceReport> {
  const base = plain(HEALTH_NAME, `${health.loopbackAddress}:${health.port}`, started);
  const answers = started !== undefined && (await healthAnswers(healthUrl)).ok;
  return { ...base, role: "health", state: started === undefined ? "stopped" : answers ? "up" : "starting" };
}

function reportNode(
  name: string,
  address: string,
  started: StartedProcess | undefined,
  view: ClusterView | undefined,
): ServiceReport {
  const base = plain(name, address, started);
  const node = view === undefined ? undefined : newestNamed(view.nodes, name);
  if (view === undefined || node === undefined)
    return { ...base, state: started === undefined ? "stopped" : "starting" };
  const { CPU, memory = 0, object_store_memory = 0 } = node.resources;
  return {
    ...base,
    role: node.isHead ? "head" : "worker",
    state: node.alive ? "ALIVE" : started === undefined ? "stopped" : "DEAD",
    cpus: CPU,
    memoryBytes: memory + object_store_memory,
    version: view.head.version,
  };
}
