import { loopbackTwin, nthAddress, parseSubnet, type Subnet } from "./ipv4.ts";
import type { WhitelistEntry } from "./leaves.ts";
import { type ConfigFile, defaultImage } from "./schema.ts";
import {
  type Candidate,
  HEALTH_NAME,
  HEALTH_PORT,
  type NodeName,
  type NodeSettings,
  type PeerPorts,
  type Placement,
  type Settings,
  type TestSettings,
} from "./types.ts";

/** Ray's own share for the object store (ray/_private/ray_constants.py, DEFAULT_OBJECT_STORE_MEMORY_PROPORTION, 2.40 to 2.60). */
const OBJECT_STORE_SHARE = 0.3;

const RAY_HEAD_PORT = 6379;
const RAY_CLIENT_PORT = 10001;

/** Fills what the file leaves to its other keys. Takes a config that passed every check. */
export function deriveSettings(config: ConfigFile): Settings {
  const { project, host, network, nodes: shared, cluster_test } = config;
  const main = knownSubnet(network.subnet);
  const nodes = enabledNodes(config, main);
  const candidates = enabledCandidates(config, nodes);
  return {
    projectName: project.name,
    projectVersion: project.version,
    rayVersion: config.ray.version,
    hostHasGpu: host.has_gpu,
    hostIpAddress: host.ip_address,
    subnet: network.subnet,
    testSubnet: cluster_test.test_network_subnet,
    health: deriveHealth(config, main),
    nodes,
    candidates,
    headAddress: shared.head_address,
    discoveryTimeoutMs: shared.cluster.discovery_timeout,
    waitForHeadMs: shared.cluster.wait_for_head,
    test: deriveTest(config, nodes, candidates),
  };
}

function knownSubnet(text: string): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === undefined) throw new Error(`a subnet that passed validation does not parse: ${text}`);
  return subnet;
}

const place = (address: string): Placement => ({ address, loopbackAddress: loopbackTwin(address) });

/** The places of docs/specification.md: health .2, ray-cpu .3, ray-gpu .4 after the gateway's .1. */
export const defaultAddress = { health: 2, cpu: 3, gpu: 4 } as const;
/** In the test's own network. */
export const testAddress = { client: 2, worker: 3 } as const;

function deriveHealth(config: ConfigFile, main: Subnet): Settings["health"] {
  const { health } = config.services;
  const { url, timeout, max_retries, retry_interval } = config.nodes.health_service;
  return {
    ...place(health.ip_address ?? nthAddress(main, defaultAddress.health)),
    enabled: health.enabled,
    port: health.port,
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

type RayService = ConfigFile["services"]["ray"]["cpu"];

function enabledNodes({ services }: ConfigFile, main: Subnet): NodeSettings[] {
  const all = [
    deriveNode("ray-cpu", services.ray.cpu, {
      image: services.ray.image ?? defaultImage.cpu,
      address: nthAddress(main, defaultAddress.cpu),
    }),
    deriveNode("ray-gpu", services.ray.gpu, {
      image: services.ray.image ?? defaultImage.gpu,
      address: nthAddress(main, defaultAddress.gpu),
    }),
  ];
  return all.filter((_, i) => [services.ray.cpu, services.ray.gpu][i]?.enabled);
}

function deriveNode(
  name: NodeName,
  service: RayService,
  otherwise: { readonly image: string; readonly address: string },
): NodeSettings {
  return {
    name,
    ...place(service.ip_address ?? otherwise.address),
    image: service.image ?? otherwise.image,
    cpus: service.cpus,
    memoryBytes: service.memory,
    objectStoreBytes: service.object_store_memory ?? objectStoreIn(service.memory),
    headPort: service.head_port,
    dashboardPort: service.dashboard_port,
    clientPort: service.client_port,
    nodeIpAddress: service.node_ip_address ?? name,
    peerPorts: peerPorts(service),
  };
}

const objectStoreIn = (memoryBytes: number): number => Math.floor(memoryBytes * OBJECT_STORE_SHARE);

type PeerPortKeys = Pick<
  RayService,
  "node_manager_port" | "object_manager_port" | "min_worker_port" | "max_worker_port"
>;

function peerPorts(keys: PeerPortKeys): PeerPorts {
  const { min_worker_port: min, max_worker_port: max } = keys;
  return {
    nodeManager: keys.node_manager_port,
    objectManager: keys.object_manager_port,
    workers: min === undefined || max === undefined ? undefined : { min, max },
  };
}

/** The services that a user switched off cannot become HEAD, and nobody should wait for them. */
function enabledCandidates(config: ConfigFile, nodes: readonly NodeSettings[]): Candidate[] {
  const listed: readonly WhitelistEntry[] =
    config.nodes.head_whitelist ?? nodes.map(({ name }) => ({ name, host: name, port: undefined }));
  const { head_address: explicit } = config.nodes;
  // With an explicit HEAD nobody is elected, and the entrypoint still wants one name.
  if (listed.length === 0 && explicit !== undefined) return [{ name: explicit.host, ...explicit }];
  return listed.flatMap((entry) => {
    const node = nodes.find(({ name }) => name === entry.name);
    if (node === undefined && isService(entry.name)) return [];
    return [{ name: entry.name, host: entry.host, port: entry.port ?? node?.headPort ?? RAY_HEAD_PORT }];
  });
}

export const SERVICE_NAMES: readonly NodeName[] = ["ray-cpu", "ray-gpu"];

const isService = (name: string): boolean => SERVICE_NAMES.some((service) => service === name);

function deriveTest(
  config: ConfigFile,
  nodes: readonly NodeSettings[],
  candidates: readonly Candidate[],
): TestSettings {
  const test = config.cluster_test;
  const subnet = knownSubnet(test.test_network_subnet);
  const wanted = test.target ??
    config.nodes.head_address ??
    candidates[0] ?? { host: "ray-cpu", port: undefined };
  const node = nodes.find(({ name }) => name === wanted.host);
  return {
    target: { host: wanted.host, port: wanted.port ?? node?.headPort ?? RAY_HEAD_PORT },
    targetClientPort: node?.clientPort ?? RAY_CLIENT_PORT,
    client: place(nthAddress(subnet, testAddress.client)),
    worker: {
      ...place(nthAddress(subnet, testAddress.worker)),
      cpus: test.worker_cpus,
      memoryBytes: test.worker_memory,
      objectStoreBytes: objectStoreIn(test.worker_memory),
      peerPorts: peerPorts({
        node_manager_port: test.worker_node_manager_port,
        object_manager_port: test.worker_object_manager_port,
        min_worker_port: test.worker_min_worker_port,
        max_worker_port: test.worker_max_worker_port,
      }),
    },
  };
}
