import { err, ok } from "../../common/result.ts";
import { reported } from "../cluster/ask-health.ts";
import { statusOf } from "../cluster/node-status.ts";
import { healthUrl, ownHeads } from "../cluster/where.ts";
import { lookAtCluster as lookAtGcs, noHead } from "../cluster-view.ts";
import type { Driver, Service } from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import type { ClusterFacts, ServiceFacts } from "./facts.ts";

/** Looks at what exists of this cluster and asks its GCS; changes nothing. */
export async function lookAtCluster(driver: Driver): Promise<ClusterFacts> {
  const found = await driver.list();
  const [look, nodes, services] = await Promise.all([
    lookAtGcs(found.ok ? ownHeads(driver, found.value) : { headAddresses: [], token: null }),
    reported(healthUrl(driver)),
    Promise.all((found.ok ? found.value : []).map((each) => factsOf(driver, each))),
  ]);
  return {
    runtime: driver.name,
    services: found.ok ? ok(services) : err(inOneLine(found.error)),
    heads: look.heads,
    noHead: noHead(look),
    nodes: look.view?.nodes ?? [],
    reported: nodes,
  };
}

async function factsOf(driver: Driver, service: Service): Promise<ServiceFacts> {
  const { name, hostname, status, running, ref, startedAtMs } = service;
  const [log, nodeStatus] = await Promise.all([
    driver.log(ref, { sinceMs: startedAtMs }),
    statusOf(driver, name, service),
  ]);
  return { name, hostname, status, running, log, nodeStatus };
}

const inOneLine = (failure: WsFailure): string =>
  failure.reason === "engine-refused"
    ? (failure.lines.at(-1) ?? `${failure.command} failed`)
    : failure.reason;
