import { err, ok } from "../../common/result.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import { HEALTH_NAME, TEST_CLIENT_NAME } from "../config/settings.ts";
import { type Driver, servicesOf } from "../drivers/driver.ts";
import type { Service } from "../drivers/service.ts";
import type { Attempt } from "../failure.ts";
import { type MemberReport, type NodeNews, newsOf, reportMembers } from "./members.ts";
import {
  type ClusterView,
  gcsOf,
  healthAnswers,
  healthView,
  type NoHead,
  newestNamed,
  nodeAt,
  shownHost,
  statusOf,
} from "./snapshot.ts";

export interface ClusterReport {
  readonly runtime: Driver["name"];
  readonly head: Awaited<ReturnType<typeof reportHead>> | undefined;
  readonly noHead?: NoHead | undefined;
  /** Why this machine was removed from its cluster, if it was. */
  readonly removed?: string | undefined;
  /** Why no health service of a cluster of several machines says who its members are, if none does. */
  readonly silent?: string | undefined;
  /** In this order: health, nodes, test worker, test client, nodes that ws did not start. */
  readonly services: readonly ServiceReport[];
}

export interface ServiceReport {
  readonly name: string;
  /** Null where Ray lists no node of that name. */
  readonly role: "health" | "head" | "worker" | "client" | "other" | null;
  readonly address: string;
  /**
   * `ALIVE` and `DEAD` are the GCS's words. `missing`: ALIVE there, and nothing of it runs here.
   * `silent`, `joining`: a member of a cluster of several machines that the GCS does not list, and that is not heard, or is.
   */
  readonly state: "ALIVE" | "DEAD" | "missing" | "up" | "starting" | "stopped" | "silent" | "joining";
  readonly cpus?: number | undefined;
  readonly memoryBytes?: number;
  readonly version?: string;
  readonly uptimeS: number | undefined;
  readonly pid: number | undefined;
  readonly ours?: false;
  readonly container?: Service["container"] | undefined;
  /** Of a cluster of several machines. */
  readonly member?: MemberReport | undefined;
  /** What the health service knows of a node; of a member `member` has it. */
  readonly news?: NodeNews | undefined;
}

/** What runs, as the GCS sees the nodes and as the driver sees the services. The test's two are shown only while they exist. */
export async function reportCluster(driver: Driver): Attempt<ClusterReport> {
  const [found, health] = await Promise.all([driver.list(), healthAnswers(driver)]);
  if (!found.ok) return found;
  const { view, noHead } = await gcsOf(driver, found.value);
  const wanted = servicesOf(driver.settings, "main");
  // The two services of the test, and services that config.yaml no longer names.
  const more = found.value.map(({ name }) => name).filter((name) => !wanted.includes(name));
  const clientLast = (a: string, b: string) =>
    Number(a === TEST_CLIENT_NAME) - Number(b === TEST_CLIENT_NAME);
  const names = [...wanted, ...more.toSorted(clientLast)];
  const services = names.map((name) => {
    const service = found.value.find((each) => each.name === name);
    return reportService(driver, name, service, view, health.ok || service?.healthy === true);
  });
  if (view !== undefined) services.push(...others(driver, view, names));
  const joined = await driver.cluster?.();
  const members = joined ? await reportMembers(driver) : ok([]);
  const news = newsOf(joined ? undefined : await healthView(driver));
  const head = view && (await reportHead(driver, view, found.value));
  return ok({
    runtime: driver.name,
    head,
    noHead,
    ...(joined ? { removed: joined.removed, silent: members.ok ? undefined : members.error } : {}),
    services: withMembers(services, members.ok ? members.value : []).map((each) => {
      const known = news.get(each.name);
      return known === undefined ? each : { ...each, news: known };
    }),
  });
}

/** A member reports every two seconds or so. */
const SILENT_AFTER_S = 10;

/** What runs with what the health service knows of it, and the members of which Ray lists nothing. Pure. */
export function withMembers(
  services: readonly ServiceReport[],
  members: readonly MemberReport[],
): readonly ServiceReport[] {
  const of = (name: string) => members.find((each) => each.name === name);
  const listed = services.map((each) => {
    const member = of(each.name);
    return member === undefined ? each : { ...each, address: member.address, member };
  });
  const rest = members
    .filter(({ name }) => services.every((each) => each.name !== name))
    .map((member): ServiceReport => {
      const heard = (member.heardAgoS ?? Number.POSITIVE_INFINITY) < SILENT_AFTER_S;
      const own = { name: member.name, address: member.address, member, ours: false } as const;
      const state = member.stopped ? "stopped" : heard ? "joining" : "silent";
      return { ...own, role: null, state, uptimeS: undefined, pid: undefined };
    });
  return [...listed, ...rest];
}

const LOOKS = 3;

/** The same, with every node ALIVE. One look may miss a GCS that is busy; two more must miss it as well. */
export async function confirmAlive(driver: Driver): Attempt<ClusterReport> {
  const names = driver.settings.nodes.map(({ name }) => name);
  for (let looks = 1; ; looks++) {
    const report = await reportCluster(driver);
    if (!report.ok) return report;
    const nodes = notAlive(report.value, names);
    if (nodes.length === 0) return report;
    if (looks === LOOKS) return err({ reason: "not-alive", nodes });
  }
}

/** Those of `names` that are not ALIVE, with what they are. Pure. */
export const notAlive = ({ services }: ClusterReport, names: readonly string[]) =>
  names
    .map((node) => ({ node, state: services.find(({ name }) => name === node)?.state ?? "not there" }))
    .filter(({ state }) => state !== "ALIVE");

async function reportHead(driver: Driver, view: ClusterView, services: readonly Service[]) {
  const { address, version, clusterId } = view.head;
  const node = nodeAt(driver, address);
  const host = shownHost(address.host);
  const service = services.find(({ name }) => name === node?.name);
  const cluster = node && (await statusOf(driver, node.name, service))?.cluster;
  return {
    /** Whether it is the cluster that this HEAD served before its last start; undefined where that is not known. */
    sameCluster: cluster?.id === clusterId ? cluster.same : undefined,
    node: node?.name ?? view.nodes.find(({ isHead, alive }) => isHead && alive)?.name ?? address.host,
    address,
    version,
    clusterId,
    dashboardUrl: `http://${host}:${node?.dashboardPort ?? 8265}`,
    clientUrl: `ray://${host}:${node?.clientPort ?? 10001}`,
  };
}

function reportService(
  driver: Driver,
  name: string,
  found: Service | undefined,
  view: ClusterView | undefined,
  healthy: boolean,
): ServiceReport {
  const running = found?.running === true;
  const { address, container } = found ?? driver.absent(name);
  const uptimeS = running ? secondsSince(found.startedAtMs) : undefined;
  const own = { address, uptimeS, pid: running ? found.pid : undefined, container };
  const stateOf = (answers: boolean) => (running ? (answers ? "up" : "starting") : "stopped");
  if (name === HEALTH_NAME) return { name, role: "health", state: stateOf(healthy), ...own };
  if (name === TEST_CLIENT_NAME) return { name, role: "client", state: stateOf(true), ...own };
  if (found?.other) return { name, role: "other", state: stateOf(true), ...own };
  const node = view && newestNamed(view.nodes, name);
  if (view === undefined || node === undefined) return { name, role: null, state: stateOf(false), ...own };
  // The GCS lists a node that was killed as ALIVE for about ten more seconds.
  const state = node.alive ? (running ? "ALIVE" : "missing") : running ? "DEAD" : "stopped";
  return { name, ...asRaySees(node, view), state, ...own };
}

function asRaySees({ isHead, resources }: NodeInfo, { head }: ClusterView) {
  const { CPU, memory = 0, object_store_memory = 0 } = resources;
  return {
    role: isHead ? "head" : "worker",
    cpus: CPU,
    memoryBytes: memory + object_store_memory,
    version: head.version,
  } as const;
}

/** The living nodes that are not in `known`: they joined by `docker run`, by hand, or from another machine. */
const others = (driver: Driver, view: ClusterView, known: readonly string[]) =>
  view.nodes
    .filter(({ alive, name }) => alive && !known.includes(name))
    .map(
      (node): ServiceReport => ({
        name: node.name,
        ...asRaySees(node, view),
        container: driver.absent().container,
        address: node.address,
        state: "ALIVE",
        uptimeS: node.startedAtMs > 0 ? secondsSince(node.startedAtMs) : undefined,
        pid: undefined,
        ours: false,
      }),
    );

const secondsSince = (ms: number): number => Math.max(0, Math.round((Date.now() - ms) / 1000));
