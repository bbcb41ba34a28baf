import { healthAnswers } from "../../cluster/ask-health.ts";
import { asNode, otherNodes } from "../../cluster/report-node.ts";
import { type ClusterView, lookAtCluster, noHead } from "../../cluster-view.ts";
import { HEALTH_NAME, type Settings, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../settings.ts";
import type { ClusterReport, HeadReport, ServiceReport } from "../runtime.ts";
import type { EmbeddedCluster } from "./cluster.ts";
import type { StartedProcess } from "./state.ts";

/** Every service that this cluster can have, in display order; also one that config.yaml no longer names. */
export function serviceNames({ settings, running }: Pick<EmbeddedCluster, "settings" | "running">): string[] {
  const nodes = settings.nodes.map(({ name }) => name);
  const main = [HEALTH_NAME, ...nodes];
  const tests = [TEST_WORKER_NAME, TEST_CLIENT_NAME];
  const others = running().map(({ name }) => name);
  return [...main, ...others.filter((name) => ![...main, ...tests].includes(name)), ...tests];
}

/** What runs, as the GCS and this machine see it. The test's two are shown only while they run. */
export async function reportCluster(cluster: EmbeddedCluster): Promise<ClusterReport> {
  const { settings } = cluster;
  const running = cluster.running();
  const look = await lookAtCluster(cluster.ownHeads());
  const { view } = look;
  const processOf = (name: string) => running.find((each) => each.name === name);
  const nodes = settings.nodes.map(({ name, loopbackAddress }) =>
    reportNode(name, loopbackAddress, processOf(name), view),
  );
  // Services that config.yaml no longer names, and the test worker.
  const own: string[] = settings.nodes.map(({ name }) => name);
  const more = running.filter(
    ({ name, kind }) => kind === "test-worker" || (kind === "node" && !own.includes(name)),
  );
  const client = processOf(TEST_CLIENT_NAME);
  const known = [...own, ...more.map(({ name }) => name)];
  const head =
    view === undefined ? { head: undefined, noHead: noHead(look) } : { head: reportHead(settings, view) };
  return {
    runtime: "embedded",
    ...head,
    services: [
      ...(settings.health.enabled ? [await reportHealth(cluster, processOf(HEALTH_NAME))] : []),
      ...nodes,
      ...more.map((each) => reportNode(each.name, each.address, each, view)),
      ...(client === undefined
        ? []
        : [{ ...plain(client.name, client.address, client), role: "client" as const }]),
      ...otherNodes(view, known),
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

const reportNode = (
  name: string,
  address: string,
  started: StartedProcess | undefined,
  view: ClusterView | undefined,
): ServiceReport => ({ ...plain(name, address, started), ...asNode(name, started !== undefined, view) });
