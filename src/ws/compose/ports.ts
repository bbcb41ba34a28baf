import type { Problem } from "../../common/failure.ts";
import { fixedPorts, formatPorts, peerPorts, portsOverlap } from "../config/ports.ts";
import type { PortRange, Settings, WorkerSettings } from "../config/settings.ts";

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
    const base =
      firstFree(size, [...taken, ...AVOIDED, ephemeral, CONTAINER_EPHEMERAL]) ??
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

const firstFree = (size: number, taken: readonly PortRange[]): number | undefined =>
  STARTS.find((min) => {
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
