import { hasTokens } from "../../common/auth-token.ts";
import type { Problem } from "../../common/failure.ts";
import type { PortRange, Settings } from "./derive.ts";
import type { PeerPorts, WorkerSettings } from "./derive-nodes.ts";
import { HEALTH_NAME } from "./nodes.ts";

/** Ports of the host that a service takes for one use. */
export interface PortUse extends PortRange {
  readonly service: string;
  readonly use: string;
  /** The key in config.yaml that says which; of a range the first of the two. */
  readonly key: string;
}

export const portsOverlap = (a: PortRange, b: PortRange): boolean => a.min <= b.max && b.min <= a.max;

/** As compose writes them: 8265, or 21010-21057. */
export const formatPorts = ({ min, max }: PortRange): string => (min === max ? `${min}` : `${min}-${max}`);

/** The version of Ray by which its own images are tagged: rayproject/ray:2.49.2-gpu. Null: the tag does not say. */
const rayIn = (image: string): string | null =>
  /(?:^|\/)ray(?:-ml|-llm)?:(\d+\.\d+)/.exec(image)?.[1] ?? null;

/** The host's addresses at which the nodes' ports are published: all of them only where Ray requires a token. Pure. */
export function publishedAt(
  { auth, nodes }: Pick<Settings, "auth" | "nodes">,
  host: string,
): "all" | string[] {
  const closed = auth === "on" && nodes.every(({ base }) => hasTokens(rayIn(base.image)));
  return closed ? "all" : [...new Set(["127.0.0.1", host])];
}

/** What people and programs ask: the health service's port, and those that each node has as a HEAD. */
export const servicePorts = ({ health, nodes }: Pick<Settings, "health" | "nodes">): PortUse[] => [
  ...(health.enabled ? one(HEALTH_NAME, "health service", health.port, "services.health.port") : []),
  ...nodes.flatMap(({ name, keyPrefix, headPort, dashboardPort, clientPort }) => [
    ...one(name, "GCS", headPort, `${keyPrefix}head_port`),
    ...one(name, "dashboard", dashboardPort, `${keyPrefix}dashboard_port`),
    ...one(name, "Ray Client", clientPort, `${keyPrefix}client_port`),
  ]),
];

/** What the peers of a node dial, as far as it is known. No key sets the dashboard agent's port by itself. */
export const peerPorts = (
  { name, keyPrefix }: WorkerSettings,
  { nodeManager, objectManager, dashboardAgent, workers }: PeerPorts & { readonly dashboardAgent?: number },
): PortUse[] => [
  ...one(name, "node manager", nodeManager, `${keyPrefix}node_manager_port`),
  ...one(name, "object manager", objectManager, `${keyPrefix}object_manager_port`),
  ...one(name, "dashboard agent", dashboardAgent, `${keyPrefix}node_manager_port`),
  ...(workers ? [{ service: name, use: "workers", key: `${keyPrefix}min_worker_port`, ...workers }] : []),
];

const one = (service: string, use: string, port: number | undefined, key: string): PortUse[] =>
  port === undefined ? [] : [{ service, use, key, min: port, max: port }];

/** Every port that config.yaml fixes, the test worker's among them. */
export const fixedPorts = (settings: Pick<Settings, "health" | "nodes" | "test">): PortUse[] => [
  ...servicePorts(settings),
  ...[...settings.nodes, settings.test.worker].flatMap((node) => peerPorts(node, node.peerPorts)),
];

/** The ports of one node that its peers dial. They are fixed and published, so that they are the same on both sides of NAT. */
export type NodePorts = ReturnType<ReturnType<typeof portPlanner>>;

type WithPorts = WorkerSettings & { readonly ports: NodePorts };

/**
 * How many worker ports a node gets. Measured on Ray 2.60.0 with 4 CPUs, counting listening ports of the range:
 * 3 to 5 idle, 6 with tasks of a whole CPU each, 18 with tasks of a quarter, 21 with tasks that wait for tasks three
 * deep, 25 after twenty actors without CPU more. Twice the worst of these, growing with the CPUs.
 */
export const workerPortCount = (cpus: number): number => 8 * Math.ceil(cpus) + 16;

/** Containers have the kernel's default whatever the host has: each network namespace starts with it. */
const CONTAINER_EPHEMERAL: PortRange = { min: 32768, max: 60999 };
const AVOIDED: readonly PortRange[] = [
  // Where Ray Client's server starts one server for each client, on the HEAD (ray/util/client/server/proxier.py, 2.40 to 2.60).
  { min: 23000, max: 24000 },
  // Ray's own default for workers, in which a second Ray on the machine may sit (scripts.py, 2.40 to 2.60).
  { min: 10002, max: 19999 },
];

const hundreds = (from: number, to: number): number[] =>
  Array.from({ length: (to - from) / 100 + 1 }, (_, i) => from + 100 * i);
/** Above Ray's own defaults and below the kernel's ephemeral ports; the rest is for hosts where that is taken. */
const STARTS = [...hundreds(21000, 65400), ...hundreds(2000, 20900)];
const FIRST_WORKER = 10;

/** Gives one node after the other its fixed ports, the test worker too. What config.yaml sets stays as it is. */
export function portPlanner(settings: Settings, ephemeral: PortRange) {
  const taken: PortRange[] = fixedPorts(settings);
  return ({ name, cpus, peerPorts: given }: WorkerSettings) => {
    const size = FIRST_WORKER + workerPortCount(cpus);
    // A port without a key of its own is near the one that config.yaml sets, so that two clusters can be told apart.
    const from = given.nodeManager ?? 0;
    const base =
      firstFree(size, [...taken, ...AVOIDED, ephemeral, CONTAINER_EPHEMERAL], from) ??
      firstFree(size, [...taken, ...AVOIDED]) ??
      firstFree(size, taken);
    if (base === undefined) throw new Error(`no ${size} free ports in a row for ${name}`);
    taken.push({ min: base, max: base + size - 1 });
    return {
      nodeManager: given.nodeManager ?? base,
      objectManager: given.objectManager ?? base + 1,
      /** gRPC of the dashboard agent, through which the dashboard reads the node's logs (--dashboard-agent-grpc-port). */
      dashboardAgent: base + 2,
      /** Ray takes one for each worker process and each driver on the node. */
      workers: given.workers ?? { min: base + FIRST_WORKER, max: base + size - 1 },
    };
  };
}

const firstFree = (size: number, taken: readonly PortRange[], from = 0): number | undefined =>
  [...STARTS.filter((min) => min >= from), ...STARTS].find((min) => {
    const block = { min, max: min + size - 1 };
    return block.max <= 65535 && !taken.some((each) => portsOverlap(each, block));
  });

/** A warning for each port of a node that an outgoing connection of the machine may hold. Pure. */
export const ephemeralWarnings = (node: WithPorts, ephemeral: PortRange): Problem[] =>
  peerPorts(node, node.ports)
    .filter((each) => portsOverlap(each, ephemeral))
    .map((each) => ({
      where: `${node.name}, port of its ${each.use}`,
      problem: `expected ports outside this machine's ephemeral range ${formatPorts(ephemeral)}, got ${formatPorts(each)}: an outgoing connection may hold one when the node starts`,
      fix: `Set other ports in config.yaml, or reserve them: sysctl net.ipv4.ip_local_reserved_ports=${formatPorts(each)}`,
    }));
