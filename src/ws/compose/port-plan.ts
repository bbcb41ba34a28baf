import type { Problem } from "../../common/failure.ts";
import { type PeerPorts, type PortRange, type Settings, TEST_WORKER_NAME } from "../settings.ts";

/** The ports of one node that its peers dial. They are fixed and published, so that they are the same on both sides of NAT. */
export interface NodePorts {
  readonly nodeManager: number;
  readonly objectManager: number;
  /** gRPC of the dashboard agent, through which the dashboard reads the node's logs (--dashboard-agent-grpc-port). */
  readonly dashboardAgent: number;
  /** Ray takes one for each worker process and each driver on the node. */
  readonly workers: PortRange;
}

export type PlannedNode = string;

export interface PortPlan {
  readonly nodes: ReadonlyMap<PlannedNode, NodePorts>;
  readonly warnings: readonly Problem[];
}

/**
 * How many worker ports a node gets. Measured on Ray 2.60.0 with 4 CPUs, counting listening ports of the range:
 * 3 to 5 idle, 6 with tasks of a whole CPU each, 18 with tasks of a quarter, 21 with tasks that wait for tasks three
 * deep, 25 after twenty actors without CPU more. Twice the worst of these, growing with the CPUs.
 */
export const workerPortCount = (cpus: number): number => 8 * Math.ceil(cpus) + 16;

/** Containers have the kernel's default whatever the host has: each network namespace starts with it. */
const CONTAINER_EPHEMERAL: PortRange = { min: 32768, max: 60999 };
/** Where Ray Client's server starts one server for each client, on the HEAD (ray/util/client/server/proxier.py, 2.40 to 2.60). */
const RAY_CLIENT_SERVERS: PortRange = { min: 23000, max: 24000 };
/** Ray's own default for workers, in which a second Ray on the machine may sit (scripts.py, 2.40 to 2.60). */
const RAY_DEFAULT_WORKERS: PortRange = { min: 10002, max: 19999 };

const STEP = 100;
/** Above Ray's own defaults and below the kernel's ephemeral ports; the rest is for hosts where that is taken. */
const STARTS = [...range(21000, 65400, STEP), ...range(2000, 20900, STEP)];
const FIRST_WORKER = 10;

/** Fixed ports for every node and the test worker; what config.yaml sets stays as it is. Pure. */
export function planPorts(settings: Settings, ephemeral: PortRange): PortPlan {
  const wanted = wantedPorts(settings);
  const taken: PortRange[] = [
    ...servicePorts(settings),
    ...wanted.flatMap(({ given }) => givenRanges(given)),
  ];
  const avoided = [RAY_CLIENT_SERVERS, RAY_DEFAULT_WORKERS];
  const nodes = new Map<PlannedNode, NodePorts>();
  for (const { name, cpus, given } of wanted) {
    const size = FIRST_WORKER + workerPortCount(cpus);
    const base =
      firstFree(size, [...taken, ...avoided, ephemeral, CONTAINER_EPHEMERAL]) ??
      firstFree(size, [...taken, ...avoided]) ??
      firstFree(size, taken);
    if (base === undefined) throw new Error(`no ${size} free ports in a row for ${name}`);
    taken.push({ min: base, max: base + size - 1 });
    nodes.set(name, {
      nodeManager: given.nodeManager ?? base,
      objectManager: given.objectManager ?? base + 1,
      dashboardAgent: base + 2,
      workers: given.workers ?? { min: base + FIRST_WORKER, max: base + size - 1 },
    });
  }
  return { nodes, warnings: ephemeralWarnings(nodes, ephemeral) };
}

interface WantedPorts {
  readonly name: PlannedNode;
  readonly cpus: number;
  readonly given: PeerPorts;
}

const wantedPorts = ({ nodes, test }: Settings): WantedPorts[] => [
  ...nodes.map(({ name, cpus, peerPorts }) => ({ name, cpus, given: peerPorts })),
  { name: TEST_WORKER_NAME, cpus: test.worker.cpus, given: test.worker.peerPorts },
];

const servicePorts = ({ health, nodes }: Settings): PortRange[] =>
  [health.port, ...nodes.flatMap((node) => [node.headPort, node.dashboardPort, node.clientPort])].map(single);

const givenRanges = ({ nodeManager, objectManager, workers }: PeerPorts): PortRange[] => [
  ...[nodeManager, objectManager].flatMap((port) => (port === undefined ? [] : [single(port)])),
  ...(workers === undefined ? [] : [workers]),
];

const single = (port: number): PortRange => ({ min: port, max: port });

const meet = (a: PortRange, b: PortRange): boolean => a.min <= b.max && b.min <= a.max;

const firstFree = (size: number, taken: readonly PortRange[]): number | undefined =>
  STARTS.find((min) => {
    const block = { min, max: min + size - 1 };
    return block.max <= 65535 && !taken.some((each) => meet(each, block));
  });

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
}

/** Every range of a node's ports with the words for what it is. */
export const portUses = (ports: NodePorts): readonly (readonly [use: string, range: PortRange])[] => [
  ["node manager", single(ports.nodeManager)],
  ["object manager", single(ports.objectManager)],
  ["dashboard agent", single(ports.dashboardAgent)],
  ["workers", ports.workers],
];

function ephemeralWarnings(nodes: ReadonlyMap<PlannedNode, NodePorts>, ephemeral: PortRange): Problem[] {
  return [...nodes].flatMap(([name, ports]) =>
    portUses(ports)
      .filter(([, each]) => meet(each, ephemeral))
      .map(([use, each]) => ({
        where: `${name}, port of its ${use}`,
        problem: `expected ports outside this machine's ephemeral range ${show(ephemeral)}, got ${show(each)}: an outgoing connection may hold one when the node starts`,
        fix: `Set other ports in config.yaml, or reserve them: sysctl net.ipv4.ip_local_reserved_ports=${show(each)}`,
      })),
  );
}

const show = ({ min, max }: PortRange): string => (min === max ? `${min}` : `${min}-${max}`);
