import type { Problem } from "../../common/failure.ts";
import { gib } from "../../common/output/units.ts";
import { err, ok } from "../../common/result.ts";
import {
  ephemeralWarnings,
  type NodePorts,
  peerPorts,
  portPlanner,
  publishedAt,
  servicePorts,
} from "../config/ports.ts";
import type { NodeSettings, Settings, WorkerSettings } from "../config/settings.ts";
import type { readHostFacts } from "./read-host.ts";

/** What the compose files need to know about the machine of the Docker engine. */
export interface HostFacts extends ReturnType<typeof readHostFacts> {
  /** The checkout, from which the images are built, as seen from the folder of the compose files. */
  readonly buildContext: string;
  /** The folder of the tokens' files, seen from there as well. */
  readonly secretsFolder: string;
}

/** The settings cut to one machine, with what they left to it: what both compose files are made from. */
export type HostPlan = Extract<ReturnType<typeof planHost>, { ok: true }>["value"];

export type Planned<Node extends WorkerSettings = WorkerSettings> = Node & {
  readonly limits: ReturnType<typeof limitsOf>;
  readonly ports: NodePorts;
};

/** Fits the settings to the machine; an error where nothing sensible can be written. Pure. */
export function planHost(settings: Settings, facts: HostFacts) {
  const hostIpAddress = settings.hostIpAddress ?? facts.ipAddress;
  if (hostIpAddress === undefined) return err<readonly Problem[]>([NO_ADDRESS]);
  const portsOf = portPlanner(settings, facts.ephemeralPorts);
  const planned = <Node extends WorkerSettings>(node: Node): Planned<Node> => ({
    ...node,
    limits: limitsOf(node, facts),
    ports: portsOf(node),
  });
  const nodes = settings.nodes.map(planned);
  const worker = planned(settings.test.worker);
  // A member has all of its machine, and the ports of its cluster.
  const all = settings.machine === undefined ? [...nodes, worker] : [];
  const { amdGroups, buildContext, secretsFolder, ephemeralPorts } = facts;
  /** Undefined: the nodes that want GPUs start without, since the engine refuses to start them otherwise. */
  const gpuKind = gpuKindOf(settings, facts);
  return ok({
    ...{ ...settings, hostIpAddress, gpuKind, amdGroups, buildContext, secretsFolder, nodes },
    publishedAt: publishedAt(settings, hostIpAddress),
    test: { ...settings.test, worker },
    warnings: [
      ...all.flatMap((node) => limitWarnings(node, facts)),
      ...all.flatMap((node) => ephemeralWarnings(node, ephemeralPorts)),
      ...missingGpu(settings, gpuKind),
    ],
  });
}

/** Whose GPUs containers are given; undefined: none. Pure. */
export function gpuKindOf({ hostHasGpu, gpuType }: Settings, facts: Pick<HostFacts, "hasGpu" | "amdGroups">) {
  if (hostHasGpu === false) return undefined;
  if (facts.hasGpu && gpuType !== "amd") return "nvidia";
  return facts.amdGroups.length > 0 && gpuType !== "nvidia" ? "amd" : undefined;
}

const NO_ADDRESS: Problem = {
  where: "host.ip_address",
  problem: "expected an address of this machine that containers reach, and found none",
  fix: "Set host.ip_address in config.yaml to this machine's IPv4 address.",
};

type MachineSize = Pick<HostFacts, "cpus" | "memoryBytes">;

/** Ray leaves /dev/shm for the disk when the store does not fit whole, and advises a tenth more (ray/_private/services.py). */
export const SHM_MARGIN = 1.1;
const MIB = 2 ** 20;

/** Docker refuses more CPUs than the machine has, and Ray an object store beyond its memory: both are cut down. */
function limitsOf(wanted: WorkerSettings & Partial<Pick<NodeSettings, "shmBytes">>, machine: MachineSize) {
  const memoryBytes = Math.min(wanted.memoryBytes, machine.memoryBytes);
  const objectStoreBytes = Math.floor(memoryBytes * (wanted.objectStoreBytes / wanted.memoryBytes));
  return {
    cpus: Math.min(wanted.cpus, machine.cpus),
    memoryBytes,
    objectStoreBytes,
    /** /dev/shm, which holds the object store. */
    shmBytes: wanted.shmBytes ?? Math.ceil((objectStoreBytes * SHM_MARGIN) / MIB) * MIB,
  };
}

/** What the machine lacks for a node. Pure. */
export function limitWarnings({ name, cpus, memoryBytes }: WorkerSettings, machine: MachineSize): Problem[] {
  const list: Problem[] = [];
  if (cpus > machine.cpus)
    list.push({
      where: name,
      problem: `${cpus} CPUs wanted, and this machine has ${machine.cpus}: the container gets ${machine.cpus}, Ray still counts ${Math.floor(cpus)}`,
      fix: "Nothing has to be done; tasks share the CPUs there are.",
    });
  if (memoryBytes > machine.memoryBytes)
    list.push({
      where: name,
      problem: `${gib(memoryBytes)} of memory wanted, and this machine has ${gib(machine.memoryBytes)}: the container and Ray get that`,
      fix: "Set a smaller memory in config.yaml.",
    });
  return list;
}

function missingGpu({ hostHasGpu, gpuType, nodes }: Settings, found: string | undefined): Problem[] {
  // What the table says of a node is no wish of the user's.
  const asked = nodes.filter((node) => (hostHasGpu ? node.gpus !== undefined : node.asksForGpus));
  const names = asked.map(({ name }) => name);
  if (hostHasGpu === false || found !== undefined || names.length === 0) return [];
  const start = names.length === 1 ? "starts" : "start";
  return [
    {
      where: hostHasGpu ? "host.has_gpu" : `${asked[0]?.keyPrefix}gpus`,
      problem: `${hostHasGpu ? "is true" : "wants a GPU"}, and no ${kindWord(gpuType)} GPU was found on this machine: ${names.join(" and ")} ${start} without one`,
      fix: hostHasGpu
        ? "Install its driver and container toolkit, or set it to false."
        : "Install its driver and container toolkit, or leave gpus out.",
    },
  ];
}

/** For messages. */
export const kindWord = (gpuType: Settings["gpuType"]): string => (gpuType === "amd" ? "AMD" : "NVIDIA");

/** One port of the host that a container of ours takes. */
export type PublishedPort = ReturnType<typeof publishedPorts>[number];

/** Every host port of one compose file. Pure. */
export const publishedPorts = (plan: HostPlan, part: "main" | "test") =>
  (plan.machine
    ? []
    : [
        ...(part === "main" ? servicePorts(plan) : []),
        ...(part === "main" ? plan.nodes : [plan.test.worker]).flatMap((node) => peerPorts(node, node.ports)),
      ]
  ).flatMap(({ service, use, key, min, max }) =>
    Array.from({ length: max - min + 1 }, (_, i) => ({
      service,
      use,
      port: min + i,
      /** What to change in config.yaml to have another. */
      key: min === max ? key : `${key} and max_worker_port`,
    })),
  );

/** A problem for each use whose ports something else on the host listens on. Ask only while nothing of ours runs. Pure. */
export function portsInUse(
  published: readonly PublishedPort[],
  listening: ReadonlySet<number>,
): readonly Problem[] {
  const used = published.filter(({ port }) => listening.has(port));
  return [...Map.groupBy(used, ({ service, use }) => `${service}, ${use}`)].map(([where, ports]) => {
    const [first, last] = [ports[0], ports.at(-1)];
    const more = ports.length === 1 ? "" : ` and ${ports.length - 1} more up to ${last?.port}`;
    return {
      where,
      problem: `expected port ${first?.port}${more} to be free on this machine, and something listens on it`,
      fix: `Stop that program (ss -ltnp 'sport = :${first?.port}' shows it), or set ${first?.key} in config.yaml.`,
    };
  });
}
