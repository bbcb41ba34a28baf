import { err, ok } from "../../common/result.ts";
import { lookAtCluster, noHead, type Sight } from "../cluster-view.ts";
import { type DockerCluster, ownHeads } from "../drivers/compose/cluster.ts";
import { type Container, listContainers } from "../drivers/compose/containers.ts";
import { wholeLog } from "../drivers/compose/logs.ts";
import { type EmbeddedInput, openCluster } from "../drivers/local/cluster.ts";
import { logFile } from "../drivers/local/start.ts";
import { readLog } from "../drivers/log-files.ts";
import type { ClusterFacts, ServiceFacts } from "./facts.ts";

/** Inspects this project's containers and asks their GCS; changes nothing. */
export async function lookAtContainers(cluster: DockerCluster): Promise<ClusterFacts> {
  const found = await listContainers(cluster);
  if (!found.ok) {
    const why = found.error.lines.at(-1) ?? `${found.error.command} failed`;
    return {
      ...(await lookAtGcs({ headAddresses: [], token: null })),
      runtime: "docker",
      services: err(why),
    };
  }
  const [gcs, services] = await Promise.all([
    lookAtGcs(ownHeads(cluster, found.value)),
    Promise.all(found.value.map((container) => ofContainer(cluster, container))),
  ]);
  return { ...gcs, runtime: "docker", services: ok(services) };
}

async function ofContainer({ engine }: DockerCluster, container: Container): Promise<ServiceFacts> {
  const { service, hostname, status, running, id } = container;
  return { service, hostname, status, running, log: await wholeLog(engine, id) };
}

/** The same for processes of this machine. */
export async function lookAtProcesses(input: EmbeddedInput): Promise<ClusterFacts> {
  const cluster = openCluster(input);
  const [gcs, services] = await Promise.all([
    lookAtGcs(cluster.ownHeads()),
    Promise.all(
      cluster.running().map(async ({ name }): Promise<ServiceFacts> => {
        const log = await readLog(logFile(cluster.folders, name));
        return { service: name, hostname: name, status: "running", running: true, log };
      }),
    ),
  ]);
  return { ...gcs, runtime: "embedded", services: ok(services) };
}

async function lookAtGcs(sight: Sight) {
  const look = await lookAtCluster(sight);
  return { heads: look.heads, noHead: noHead(look), nodes: look.view?.nodes ?? [] };
}
