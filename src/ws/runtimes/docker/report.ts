import type { ClusterView } from "../../cluster-view.ts";
import { newestNamed, viewCluster } from "../../cluster-view.ts";
import { containerName } from "../../compose/names.ts";
import { HEALTH_NAME, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../settings.ts";
import { healthAnswers } from "../ask-health.ts";
import type { ClusterReport, HeadReport, ServiceReport } from "../runtime.ts";
import { type DockerCluster, nodeAt, servicesOf } from "./cluster.ts";
import { type Container, listContainers } from "./containers.ts";

/** What runs, as the GCS sees the nodes and as the engine sees the containers. The test's two are shown only while they exist. */
export async function reportCluster(cluster: DockerCluster): Promise<ClusterReport> {
  const [found, view, health] = await Promise.all([
    listContainers(cluster),
    viewCluster(cluster),
    healthAnswers(cluster.healthUrl),
  ]);
  const containers = found.ok ? found.value : [];
  const tests = containers.filter(({ part }) => part === "test").map(({ service }) => service);
  const names = [
    ...servicesOf(cluster, "main"),
    ...[TEST_WORKER_NAME, TEST_CLIENT_NAME].filter((name) => tests.includes(name)),
  ];
  return {
    runtime: "docker",
    head: view === undefined ? undefined : reportHead(cluster, view),
    services: names.map((name) => {
      const container = containers.find(({ service }) => service === name);
      const base = plain(cluster, name, container);
      if (name === HEALTH_NAME)
        return {
          ...base,
          role: "health",
          state: stateOf(container, health.ok || container?.health === "healthy"),
        };
      if (name === TEST_CLIENT_NAME) return { ...base, role: "client" };
      return { ...base, ...asNode(name, container, view) };
    }),
  };
}

function reportHead(cluster: DockerCluster, { head }: ClusterView): HeadReport {
  const { here } = cluster;
  const node = nodeAt(cluster, head.address);
  return {
    node: node?.name ?? head.address.host,
    address: head.address,
    version: head.version,
    clusterId: head.clusterId,
    dashboardUrl: `http://${shownHost(here)}:${node?.dashboardPort ?? 8265}`,
    clientUrl: `ray://${shownHost(here)}:${node?.clientPort ?? 10001}`,
  };
}

const shownHost = (host: string): string => (host === "127.0.0.1" ? "localhost" : host);

const stateOf = (container: Container | undefined, answers: boolean): ServiceReport["state"] =>
  container?.running === true ? (answers ? "up" : "starting") : "stopped";

function plain({ settings }: DockerCluster, name: string, container: Container | undefined): ServiceReport {
  return {
    name,
    role: "–",
    address: container?.addresses.find((address) => address !== "") ?? "–",
    state: stateOf(container, true),
    cpus: undefined,
    memoryBytes: undefined,
    version: undefined,
    uptimeS:
      container?.running === true
        ? Math.max(0, Math.round((Date.now() - Date.parse(container.startedAt)) / 1000))
        : undefined,
    pid: container?.running === true ? container.pid : undefined,
    container: {
      name: container?.name ?? containerName(settings, name),
      status: container === undefined ? "none" : statusOf(container),
    },
  };
}

function statusOf({ status, health, exitCode, restarts }: Container): string {
  const how = status === "exited" ? ` (${exitCode})` : health === undefined ? "" : ` (${health})`;
  return `${status}${how}${restarts === 0 ? "" : `, ${restarts} restarts`}`;
}

function asNode(
  name: string,
  container: Container | undefined,
  view: ClusterView | undefined,
): Pick<ServiceReport, "role" | "state" | "cpus" | "memoryBytes" | "version"> {
  const running = container?.running === true;
  const node = view === undefined ? undefined : newestNamed(view.nodes, name);
  const unknown = { role: "–", cpus: undefined, memoryBytes: undefined, version: undefined } as const;
  if (view === undefined || node === undefined)
    return { ...unknown, state: running ? "starting" : "stopped" };
  const { CPU, memory = 0, object_store_memory = 0 } = node.resources;
  return {
    role: node.isHead ? "head" : "worker",
    state: node.alive ? "ALIVE" : running ? "DEAD" : "stopped",
    cpus: CPU,
    memoryBytes: memory + object_store_memory,
    version: view.head.version,
  };
}
