import { err, ok } from "../../common/result.ts";
import { gcsOf, healthView, statusOf } from "../cluster/snapshot.ts";
import type { Driver, Service } from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import type { ClusterFacts, ServiceFacts } from "./facts.ts";

/** Looks at what exists of this cluster and asks its GCS; changes nothing. */
export async function lookAtCluster(driver: Driver): Promise<ClusterFacts> {
  const found = await driver.list();
  const listed = found.ok ? found.value : [];
  const [gcs, health, services] = await Promise.all([
    gcsOf(driver, listed),
    healthView(driver),
    Promise.all(listed.map((each) => factsOf(driver, each))),
  ]);
  return {
    runtime: driver.name,
    services: found.ok ? ok(services) : err(inOneLine(found.error)),
    heads: gcs.heads,
    noHead: gcs.noHead,
    nodes: gcs.view?.nodes ?? [],
    reported: new Map(health?.nodes?.flatMap(({ name, status }) => (status ? [[name, status]] : []))),
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
