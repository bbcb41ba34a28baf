import { err, ok } from "../../common/result.ts";
import { lookAtCluster, noHead, type Sight } from "../cluster-view.ts";
import { reported } from "../runtimes/ask-health.ts";
import { type DockerCluster, ownHeads } from "../runtimes/docker/cluster.ts";
import { type Container, listContainers } from "../runtimes/docker/containers.ts";
import { lifeLog } from "../runtimes/docker/logs.ts";
import * as inContainer from "../runtimes/docker/status.ts";
import { type EmbeddedInput, openCluster, statusOf } from "../runtimes/embedded/cluster.ts";
import { logFile } from "../runtimes/embedded/start.ts";
import { readLog } from "../runtimes/log-files.ts";
import type { ClusterFacts, ServiceFacts } from "./facts.ts";

/** Inspects this project's containers and asks their GCS; changes nothing. */
export async function lookAtContainers(cluster: DockerCluster): Promise<ClusterFacts> {
  const found = await listContainers(cluster);
  if (!found.ok) {
    const why = found.error.lines.at(-1) ?? `${found.error.command} failed`;
    const nothing = await lookAround({ headAddresses: [], token: null }, cluster.healthUrl);
    return { ...nothing, runtime: "docker", services: err(why) };
  }
  const [around, services] = await Promise.all([
    lookAround(ownHeads(cluster, found.value), cluster.healthUrl),
    Promise.all(found.value.map((container) => ofContainer(cluster, container))),
  ]);
  return { ...around, runtime: "docker", services: ok(services) };
}

async function ofContainer(cluster: DockerCluster, container: Container): Promise<ServiceFacts> {
  const { service, hostname, status, running } = container;
  const [log, nodeStatus] = await Promise.all([
    lifeLog(cluster.engine, container),
    inContainer.statusOf(cluster, container),
  ]);
  return { service, hostname, status, running, log, nodeStatus };
}

/** The same for processes of this machine. */
export async function lookAtProcesses(input: EmbeddedInput): Promise<ClusterFacts> {
  const cluster = openCluster(input);
  const [around, services] = await Promise.all([
    lookAround(cluster.ownHeads(), cluster.healthUrl),
    Promise.all(
      cluster.running().map(async ({ name }): Promise<ServiceFacts> => {
        const log = await readLog(logFile(cluster.folders, name));
        const nodeStatus = await statusOf(cluster, name);
        return { service: name, hostname: name, status: "running", running: true, log, nodeStatus };
      }),
    ),
  ]);
  return { ...around, runtime: "embedded", services: ok(services) };
}

async function lookAround(sight: Sight, healthUrl: string) {
  const [look, nodes] = await Promise.all([lookAtCluster(sight), reported(healthUrl)]);
  return { heads: look.heads, noHead: noHead(look), nodes: look.view?.nodes ?? [], reported: nodes };
}
