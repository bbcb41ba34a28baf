import type { Problem } from "../../common/failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { NodeSettings, PortRange, Settings, WorkerSettings } from "../config/settings.ts";
import { type Limits, limitsOf, limitWarnings } from "./limits.ts";
import { ephemeralWarnings, type NodePorts, portPlanner } from "./port-plan.ts";

/** What the compose files need to know about the machine of the Docker engine. */
export interface HostFacts {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** True when an NVIDIA GPU can be given to a container. */
  readonly hasGpu: boolean;
  /** The address that this machine has for others; undefined: none was found. */
  readonly ipAddress: string | undefined;
  /** Ports that the kernel gives to outgoing connections (ip_local_port_range). */
  readonly ephemeralPorts: PortRange;
  /** The checkout, from which the images are built, as seen from the folder of the compose files. */
  readonly buildContext: string;
}

/** The wishes of config.yaml cut to one machine: what both compose files are made from. */
export interface HostPlan {
  /** Under which containers reach this machine's published ports. */
  readonly ipAddress: string;
  /** True: the nodes that want GPUs reserve them. Only where there are some, since the engine refuses to start it otherwise. */
  readonly gpu: boolean;
  readonly buildContext: string;
  readonly nodes: readonly Planned<NodeSettings>[];
  readonly testWorker: Planned<WorkerSettings>;
  readonly warnings: readonly Problem[];
}

export type Planned<Node extends WorkerSettings> = Node & {
  readonly limits: Limits;
  readonly ports: NodePorts;
};

/** Fits the settings to the machine; an error where nothing sensible can be written. Pure. */
export function planHost(settings: Settings, facts: HostFacts): Result<HostPlan, readonly Problem[]> {
  const ipAddress = settings.hostIpAddress ?? facts.ipAddress;
  if (ipAddress === undefined) return err([NO_ADDRESS]);
  const portsOf = portPlanner(settings, facts.ephemeralPorts);
  const planned = <Node extends WorkerSettings>(node: Node): Planned<Node> => ({
    ...node,
    limits: limitsOf(node, facts),
    ports: portsOf(node),
  });
  const nodes = settings.nodes.map(planned);
  const testWorker = planned(settings.test.worker);
  const all = [...nodes, testWorker];
  return ok({
    ipAddress,
    gpu: facts.hasGpu && settings.hostHasGpu !== false,
    buildContext: facts.buildContext,
    nodes,
    testWorker,
    warnings: [
      ...all.flatMap((node) => limitWarnings(node, facts)),
      ...all.flatMap((node) => ephemeralWarnings(node, facts.ephemeralPorts)),
      ...missingGpu(settings, facts),
    ],
  });
}

const NO_ADDRESS: Problem = {
  where: "host.ip_address",
  problem: "expected an address of this machine that containers reach, and found none",
  fix: "Set host.ip_address in config.yaml to this machine's IPv4 address.",
};

function missingGpu({ hostHasGpu, nodes }: Settings, { hasGpu }: HostFacts): Problem[] {
  const names = nodes.filter(({ gpu }) => gpu).map(({ name }) => name);
  if (hostHasGpu !== true || hasGpu || names.length === 0) return [];
  const start = names.length === 1 ? "starts" : "start";
  return [
    {
      where: "host.has_gpu",
      problem: `is true, and no NVIDIA GPU was found on this machine: ${names.join(" and ")} ${start} without one`,
      fix: "Install the NVIDIA driver and container toolkit, or set it to false.",
    },
  ];
}
