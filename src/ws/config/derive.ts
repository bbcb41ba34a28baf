import type { Machine } from "../state/machine.ts";
import {
  deriveMemberNode,
  deriveNodes,
  deriveWorker,
  type NodeSettings,
  nodeNames,
  placeAt,
} from "./derive-nodes.ts";
import { nthAddress } from "./ipv4.ts";
import { HEALTH_NAME, HEALTH_PORT, RAY_NODES, TEST_WORKER_NAME } from "./nodes.ts";
import type { ConfigFile } from "./schema.ts";

/** What `ws init` or `ws join` chose for this machine, with what compose.yaml needs of it. */
export interface MemberSettings extends Machine {
  /** Its devices are there: memory must be locked for them, and processes share more of it than their own /dev/shm. */
  readonly infiniband: boolean;
  /** Who types `ws` and keeps the cluster's identity, uid:gid. */
  readonly user: string;
  /** Where that is kept. */
  readonly clusterFolder: string;
}

/**
 * What the user wants, whole and checked: config.yaml with every default filled in. Both runtimes read it.
 * Nothing here was looked up on the machine: `undefined` means that the runtime finds the value by itself.
 */
export type Settings = Readonly<ReturnType<typeof deriveSettings>>;
export type Placement = ReturnType<typeof placeAt>;

/** Both ends belong to it. */
export interface PortRange {
  readonly min: number;
  readonly max: number;
}

/** Ray's defaults (ray/_private/ray_constants.py, 2.40 to 2.60). */
const RAY = { headPort: 6379, clientPort: 10001 };

/** The places of docs/specification.md, after the gateway's .1. */
const PLACES = { health: 2, testClient: 2, testWorker: 3 };

/** Fills what the file leaves out. */
export function deriveSettings(config: ConfigFile) {
  const { project, host, network, nodes: shared, cluster_test, ray } = config;
  const nodes = deriveNodes(config);
  const candidates = deriveCandidates(config, nodes);
  return {
    projectName: project.name,
    projectVersion: project.version,
    /** The Ray that the embedded runtime installs. Images bring their own. */
    rayVersion: ray.version,
    /** Whether a candidate keeps the state of the cluster that it leads. */
    keepsState: config.state === "auto",
    auth: config.auth,
    hostHasGpu: host.has_gpu,
    /** Undefined: whichever the machine has. */
    gpuType: host.gpu_type,
    /** The IPv4 address under which the test network reaches this machine. */
    hostIpAddress: host.ip_address,
    subnet: network.subnet.text,
    testSubnet: cluster_test.test_network_subnet.text,
    health: deriveHealth(config),
    nodes,
    memberNode: deriveMemberNode(config),
    /** Set: these settings are those of this machine's part in a cluster of several. */
    machine: undefined as MemberSettings | undefined,
    /** The head whitelist, in order, without the nodes that are switched off. */
    candidates,
    /** Set: every node joins this HEAD, and the node that it names is it. */
    headAddress: shared.head_address,
    discoveryTimeoutMs: shared.cluster.discovery_timeout,
    waitForHeadMs: shared.cluster.wait_for_head,
    test: deriveTest(config, nodes, candidates),
  };
}

function deriveHealth({ network, nodes, services: { health } }: ConfigFile) {
  const { url, timeout, max_retries, retry_interval } = nodes.health_service;
  return {
    ...placeAt(health.ip_address ?? nthAddress(network.subnet, PLACES.health)),
    enabled: health.enabled,
    /** The port on the host, and on the loopback of the embedded runtime. */
    port: health.port,
    /** Undefined: this cluster's own. */
    externalUrl: url === undefined || isOwnHealth(url, health.port) ? undefined : url,
    timeoutMs: timeout,
    maxRetries: max_retries,
    retryIntervalMs: retry_interval,
  };
}

/** The health service of this cluster as seen in its network; the URL with its host port is accepted too. */
export function isOwnHealth(url: string, hostPort: number): boolean {
  const { hostname, port } = new URL(url);
  return hostname === HEALTH_NAME && [HEALTH_PORT, hostPort].includes(Number(port || 80));
}

/** Nodes that a user switched off cannot become HEAD, and nobody should wait for them. */
function deriveCandidates(config: ConfigFile, nodes: readonly NodeSettings[]) {
  const { nodes: file } = config;
  const ours = nodeNames(config).flatMap(({ names }) => names);
  const listed =
    file.head_whitelist ??
    nodes.flatMap(({ name, headPort: port, isCandidate }) => (isCandidate ? { name, host: name, port } : []));
  const explicit = file.head_address;
  // With an explicit HEAD nobody is elected, and the entrypoint still wants one name.
  if (listed.length === 0 && explicit !== undefined) return [{ name: explicit.host, ...explicit }];
  return listed.flatMap(({ name, host, port }) => {
    const node = nodes.find((each) => each.name === name);
    if (node === undefined && ours.includes(name)) return [];
    return [{ name, host, port: port ?? node?.headPort ?? RAY.headPort }];
  });
}

/** The node that is to become HEAD: the explicit one, else the first candidate among ours; undefined: it is elsewhere. */
export function plannedHead({ nodes, headAddress, candidates }: Settings): string | undefined {
  const wanted = headAddress === undefined ? candidates.map(({ name }) => name) : [headAddress.host];
  return wanted.find((name) => nodes.some((node) => node.name === name));
}

function deriveTest(
  { nodes: file, cluster_test: test }: ConfigFile,
  nodes: readonly NodeSettings[],
  [first]: ReturnType<typeof deriveCandidates>,
) {
  const head = test.target ?? file.head_address ?? first ?? { host: RAY_NODES[0].name, port: undefined };
  // The original platform writes the node's key.
  const node =
    nodes.find(({ name }) => name === head.host) ?? nodes.find(({ name }) => name === `ray-${head.host}`);
  const subnet = test.test_network_subnet;
  return {
    /** The HEAD that the test worker is told: its HEAD_ADDRESS. */
    target: { host: node?.name ?? head.host, port: head.port ?? node?.headPort ?? RAY.headPort },
    targetClientPort: node?.clientPort ?? RAY.clientPort,
    client: placeAt(nthAddress(subnet, PLACES.testClient)),
    worker: deriveWorker(TEST_WORKER_NAME, nthAddress(subnet, PLACES.testWorker), "cluster_test.worker_", {
      cpus: test.worker_cpus,
      memory: test.worker_memory,
      node_manager_port: test.worker_node_manager_port,
      object_manager_port: test.worker_object_manager_port,
      min_worker_port: test.worker_min_worker_port,
      max_worker_port: test.worker_max_worker_port,
    }),
  };
}
