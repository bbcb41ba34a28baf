import { enabledCandidates, RAY_HEAD_PORT } from "./candidates.ts";
import { loopbackTwin, nthAddress } from "./ipv4.ts";
import { type NodeKey, RAY_NODES } from "./nodes.ts";
import type { ConfigFile } from "./schema.ts";
import {
  type Candidate,
  HEALTH_NAME,
  HEALTH_PORT,
  type NodeSettings,
  type PeerPorts,
  type Placement,
  type Settings,
  TEST_WORKER_NAME,
  type TestSettings,
} from "./types.ts";

/** Ray's own share for the object store (ray/_private/ray_constants.py, DEFAULT_OBJECT_STORE_MEMORY_PROPORTION, 2.40 to 2.60). */
const OBJECT_STORE_SHARE = 0.3;

const RAY_CLIENT_PORT = 10001;

/** The places of docs/specification.md, after the gateway's .1: the health service .2, then the nodes of the table. */
const HEALTH_PLACE = 2;
const FIRST_NODE_PLACE = 3;
/** In the test's own network. */
const TEST_CLIENT_PLACE = 2;
const TEST_WORKER_PLACE = 3;

/** Fills what the file leaves to its other keys. */
export function deriveSettings(config: ConfigFile): Settings {
  const { project, host, network, nodes: shared, cluster_test } = config;
  const nodes = enabledNodes(config);
  const candidates = enabledCandidates(config, nodes);
  return {
    projectName: project.name,
    projectVersion: project.version,
    rayVersion: config.ray.version,
    hostHasGpu: host.has_gpu,
    hostIpAddress: host.ip_address,
    subnet: network.subnet.text,
    testSubnet: cluster_test.test_network_subnet.text,
    health: deriveHealth(config),
    nodes,
    candidates,
    headAddress: shared.head_address,
    discoveryTimeoutMs: shared.cluster.discovery_timeout,
    waitForHeadMs: shared.cluster.wait_for_head,
    test: deriveTest(config, nodes, candidates),
  };
}

const place = (address: string): Placement => ({ address, loopbackAddress: loopbackTwin(address) });

function deriveHealth({ network, nodes, services: { health } }: ConfigFile): Settings["health"] {
  const { url, timeout, max_retries, retry_interval } = nodes.health_service;
  return {
    ...place(health.ip_address ?? nthAddress(network.subnet, HEALTH_PLACE)),
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

const enabledNodes = ({ network, services: { ray } }: ConfigFile): NodeSettings[] =>
  RAY_NODES.flatMap(({ key, ...defaults }, i) => {
    const service = ray[key];
    if (!service.enabled) return [];
    return {
      ...place(service.ip_address ?? nthAddress(network.subnet, FIRST_NODE_PLACE + i)),
      name: defaults.name,
      keyPrefix: `services.ray.${key}.`,
      gpu: defaults.gpu,
      image: service.image ?? ray.image ?? defaults.image,
      cpus: service.cpus,
      memoryBytes: service.memory,
      objectStoreBytes: service.object_store_memory ?? objectStoreIn(service.memory),
      headPort: service.head_port,
      dashboardPort: service.dashboard_port,
      clientPort: service.client_port,
      nodeIpAddress: service.node_ip_address ?? defaults.name,
      peerPorts: peerPorts(service),
    };
  });

const objectStoreIn = (memoryBytes: number): number => Math.floor(memoryBytes * OBJECT_STORE_SHARE);

type PeerPortKeys = Pick<
  ConfigFile["services"]["ray"][NodeKey],
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

function deriveTest(
  { nodes: file, cluster_test: test }: ConfigFile,
  nodes: readonly NodeSettings[],
  candidates: readonly Candidate[],
): TestSettings {
  const subnet = test.test_network_subnet;
  const wanted = test.target ??
    file.head_address ??
    candidates[0] ?? { host: RAY_NODES[0].name, port: undefined };
  const node = nodes.find(({ name }) => name === wanted.host);
  return {
    target: { host: wanted.host, port: wanted.port ?? node?.headPort ?? RAY_HEAD_PORT },
    targetClientPort: node?.clientPort ?? RAY_CLIENT_PORT,
    client: place(nthAddress(subnet, TEST_CLIENT_PLACE)),
    worker: {
      ...place(nthAddress(subnet, TEST_WORKER_PLACE)),
      name: TEST_WORKER_NAME,
      keyPrefix: "cluster_test.worker_",
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
