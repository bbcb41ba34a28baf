import type { Address } from "../../common/address.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import { type ClusterView, lookAtCluster, type NoHead, newestNamed, noHead } from "../cluster-view.ts";
import { HEALTH_NAME, TEST_CLIENT_NAME } from "../config/settings.ts";
import {
  type Driver,
  type RuntimeName,
  type Service,
  type ShownContainer,
  servicesOf,
} from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import { healthAnswers } from "./ask-health.ts";
import { healthUrl, nodeAt, ownHeads, shownHost } from "./where.ts";

export interface ClusterReport {
  readonly runtime: RuntimeName;
  /** The HEAD whose GCS answers; undefined: none does. */
  readonly head: HeadReport | undefined;
  /** Why there is none. */
  readonly noHead?: NoHead;
  /** In this order: health, nodes, test worker, test client, nodes that ws did not start. */
  readonly services: readonly ServiceReport[];
}

export interface HeadReport {
  readonly node: string;
  /** Of its GCS. */
  readonly address: Address;
  readonly version: string;
  readonly clusterId: string;
  readonly dashboardUrl: string;
  /** Of its Ray Client server: `ray://host:port`. */
  readonly clientUrl: string;
}

export interface ServiceReport {
  readonly name: string;
  readonly role: "health" | "head" | "worker" | "client" | "–";
  readonly address: string;
  /**
   * `ALIVE` and `DEAD` are the GCS's states; the others are ours. `missing`: ALIVE in the GCS, but its container or
   * process does not run.
   */
  readonly state: "ALIVE" | "DEAD" | "missing" | "up" | "starting" | "stopped";
  readonly cpus: number | undefined;
  /** Memory and object store together. */
  readonly memoryBytes: number | undefined;
  readonly version: string | undefined;
  readonly uptimeS: number | undefined;
  readonly pid: number | undefined;
  /** False if this `ws` did not start it. */
  readonly ours?: false;
  readonly container?: ShownContainer;
}

/** What runs, as the GCS sees the nodes and as the driver sees the services. The test's two are shown only while they exist. */
export async function reportCluster(driver: Driver): Promise<Result<ClusterReport, WsFailure>> {
  const [found, health] = await Promise.all([driver.list(), healthAnswers(healthUrl(driver))]);
  if (!found.ok) return found;
  const look = await lookAtCluster(ownHeads(driver, found.value));
  const wanted = servicesOf(driver.settings, "main");
  // The two services of the test, and services that config.yaml no longer names.
  const more = found.value.map(({ name }) => name).filter((name) => !wanted.includes(name));
  const names = [...wanted, ...clientLast(more)];
  const services = names.map((name) =>
    reportService(driver, name, {
      found: found.value.find((each) => each.name === name),
      view: look.view,
      healthy: health.ok,
    }),
  );
  const head =
    look.view === undefined
      ? { head: undefined, noHead: noHead(look) }
      : { head: reportHead(driver, look.view) };
  return ok({
    runtime: driver.name,
    ...head,
    services: [...services, ...otherNodes(driver, look.view, names)],
  });
}

const LOOKS = 3;

/** The same, with every node ALIVE. One look may miss a GCS that is busy; two more must miss it as well. */
export async function confirmAlive(driver: Driver): Promise<Result<ClusterReport, WsFailure>> {
  for (let looks = 1; ; looks++) {
    const report = await reportCluster(driver);
    if (!report.ok) return report;
    const nodes = notAlive(
      report.value,
      driver.settings.nodes.map(({ name }) => name),
    );
    if (nodes.length === 0) return report;
    if (looks === LOOKS) return err({ reason: "not-alive", nodes });
  }
}

/** Those of `names` that are not ALIVE, with what they are. Pure. */
export const notAlive = ({ services }: ClusterReport, names: readonly string[]) =>
  names
    .map((node) => ({ node, state: services.find(({ name }) => name === node)?.state ?? "not there" }))
    .filter(({ state }) => state !== "ALIVE");

const clientLast = (names: readonly string[]): string[] =>
  names.toSorted((a, b) => Number(a === TEST_CLIENT_NAME) - Number(b === TEST_CLIENT_NAME));

function reportHead(driver: Driver, { head }: ClusterView): HeadReport {
  const { address, version, clusterId } = head;
  const node = nodeAt(driver, address);
  const host = shownHost(address.host);
  return {
    node: node?.name ?? address.host,
    address,
    version,
    clusterId,
    dashboardUrl: `http://${host}:${node?.dashboardPort ?? 8265}`,
    clientUrl: `ray://${host}:${node?.clientPort ?? 10001}`,
  };
}

interface Seen {
  readonly found: Service | undefined;
  readonly view: ClusterView | undefined;
  /** The health service answers. */
  readonly healthy: boolean;
}

function reportService(driver: Driver, name: string, { found, view, healthy }: Seen): ServiceReport {
  const base = reportPlain(driver, name, found);
  if (name === HEALTH_NAME)
    return { ...base, role: "health", state: stateOf(found, healthy || found?.healthy === true) };
  if (name === TEST_CLIENT_NAME) return { ...base, role: "client", state: stateOf(found, true) };
  const node = view && newestNamed(view.nodes, name);
  const running = found?.running === true;
  if (view === undefined || node === undefined) return { ...base, state: stateOf(found, false) };
  // The GCS lists a node that was killed as ALIVE for about ten more seconds.
  const state = node.alive ? (running ? "ALIVE" : "missing") : running ? "DEAD" : "stopped";
  return { ...base, ...asRaySees(node, view), state };
}

const stateOf = (found: Service | undefined, answers: boolean) =>
  found?.running === true ? (answers ? "up" : "starting") : "stopped";

function reportPlain(driver: Driver, name: string, found: Service | undefined) {
  const running = found?.running === true;
  return {
    name,
    role: "–",
    cpus: undefined,
    memoryBytes: undefined,
    version: undefined,
    uptimeS: running ? secondsSince(found.startedAtMs) : undefined,
    pid: running ? found.pid : undefined,
    ...shown(found ?? driver.absent(name)),
  } as const;
}

const shown = ({ address, container }: Pick<ServiceReport, "address" | "container">) => ({
  address,
  ...(container && { container }),
});

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
function otherNodes(
  driver: Driver,
  view: ClusterView | undefined,
  known: readonly string[],
): ServiceReport[] {
  if (view === undefined) return [];
  return view.nodes
    .filter(({ alive, name }) => alive && !known.includes(name))
    .map((node) => ({
      name: node.name,
      ...shown({ ...driver.absent(), address: node.address }),
      ...asRaySees(node, view),
      state: "ALIVE",
      uptimeS: node.startedAtMs > 0 ? secondsSince(node.startedAtMs) : undefined,
      pid: undefined,
      ours: false,
    }));
}

const secondsSince = (ms: number): number => Math.max(0, Math.round((Date.now() - ms) / 1000));
