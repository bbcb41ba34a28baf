import { err, ok } from "../../common/result.ts";
import { ownHeads } from "../cluster/where.ts";
import { lookAtCluster as lookAtGcs, noHead } from "../cluster-view.ts";
import type { Driver, Service } from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import type { ClusterFacts, ServiceFacts } from "./facts.ts";

/** Looks at what exists of this cluster and asks its GCS; changes nothing. */
export async function lookAtCluster(driver: Driver): Promise<ClusterFacts> {
  const found = await driver.list();
  const [look, services] = await Promise.all([
    lookAtGcs(found.ok ? ownHeads(driver, found.value) : { headAddresses: [], token: null }),
    Promise.all((found.ok ? found.value : []).map((each) => factsOf(driver, each))),
  ]);
  return {
    runtime: driver.name,
    services: found.ok ? ok(services) : err(inOneLine(found.error)),
    heads: look.heads,
    noHead: noHead(look),
    nodes: look.view?.nodes ?? [],
  };
}

async function factsOf(
  driver: Driver,
  { name, hostname, status, running, ref }: Service,
): Promise<ServiceFacts> {
  return { service: name, hostname, status, running, log: await driver.log(ref) };
}

const inOneLine = (failure: WsFailure): string =>
  failure.reason === "engine-refused"
    ? (failure.lines.at(-1) ?? `${failure.command} failed`)
    : failure.reason;
