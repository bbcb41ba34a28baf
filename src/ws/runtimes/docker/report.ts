import { ok, type Result } from "../../../common/result.ts";
import { type ClusterView, lookAtCluster, noHead } from "../../cluster-view.ts";
import { containerName } from "../../compose/names.ts";
import type { WsFailure } from "../../failure.ts";
import { HEALTH_NAME, TEST_CLIENT_NAME } from "../../settings.ts";
import { healthAnswers } from "../ask-health.ts";
import { likelyCause } from "../causes.ts";
import { asNode, otherNodes } from "../report-node.ts";
import type { ClusterReport, HeadReport, ServiceReport } from "../runtime.ts";
import { type DockerCluster, nodeAt, ownHeads, refused, servicesOf } from "./cluster.ts";
import { type Container, listContainers } from "./containers.ts";

/** What runs, as the GCS sees the nodes and as the engine sees the containers. The test's two are shown only while they exist. */
export async function reportCluster(cluster: DockerCluster): Promise<Result<ClusterReport, WsFailure>> {
  const [found, health] = await Promise.all([listContainers(cluster), healthAnswers(cluster.healthUrl)]);
  if (!found.ok) return refused(found, likelyCause);
  const containers = found.value;
  const look = await lookAtCluster(ownHeads(cluster, containers));
  const { view } = look;
  const wanted = servicesOf(cluster, "main");
  // The two services of the test, and services that config.yaml no longer names.
  const more = containers.map(({ service }) => service).filter((name) => !wanted.includes(name));
  const names = [...wanted, ...inTestOrder(more)];
  const reports = names.map((name): ServiceReport => {
    const container = containers.find(({ service }) => service === name);
    const base = plain(cluster, name, container);
    const state = stateOf(container, health.ok || container?.health === "healthy");
    if (name === HEALTH_NAME) return { ...base, role: "health", state };
    if (name === TEST_CLIENT_NAME) return { ...base, role: "client" };
    return { ...base, ...asNode(name, container?.running === true, view) };
  });
  const head =
    view === undefined ? { head: undefined, noHead: noHead(look) } : { head: reportHead(cluster, view) };
  return ok({ runtime: "docker", ...head, services: [...reports, ...otherNodes(view, names).map(bare)] });
}

/** The client comes last. */
const inTestOrder = (names: readonly string[]): string[] =>
  names.toSorted((a, b) => Number(a === TEST_CLIENT_NAME) - Number(b === TEST_CLIENT_NAME));

/** A node that ws did not start has no container here. */
const bare = (report: ServiceReport): ServiceReport => ({ ...report, container: { name: "–", status: "–" } });

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
