import { type Address, formatAddress } from "../../common/address.ts";
import type { PortRange, Settings } from "./derive.ts";
import type { NodeSettings, PeerPorts, WorkerSettings } from "./derive-nodes.ts";

/** What the runtime knows of a node. */
interface Place extends Pick<WorkerSettings, "memoryBytes" | "objectStoreBytes"> {
  /** The name or address that it tells its peers. */
  readonly advertised: string;
  readonly ports: PeerPorts & { readonly workers: PortRange };
  /** This cluster's own health service, as the node asks it. */
  readonly healthUrl: string;
  /** An address of config.yaml as the node dials it. */
  readonly at: (address: Address) => Address;
}

/** All that config.yaml tells a node, or the test worker: the `nodes` section, its ports and its resources. Pure. */
export function nodeEnvironment(settings: Settings, { name, cpus }: WorkerSettings, place: Place) {
  const { candidates, health, headAddress } = settings;
  const { ports, at } = place;
  const asHead = settings.nodes.find((node) => node.name === name);
  const whitelist = candidates.map((candidate) => {
    const address = at(candidate);
    return `${candidate.name === address.host ? "" : `${candidate.name}=`}${formatAddress(address)}`;
  });
  return asTexts({
    HEAD_WHITELIST: whitelist.join(" "),
    HEALTH_URL: health.externalUrl ?? (health.enabled ? place.healthUrl : "none"),
    HEALTH_TIMEOUT: health.timeoutMs / 1000,
    HEALTH_MAX_RETRIES: health.maxRetries,
    HEALTH_RETRY_INTERVAL: health.retryIntervalMs / 1000,
    DISCOVERY_TIMEOUT: settings.discoveryTimeoutMs / 1000,
    WAIT_FOR_HEAD: settings.waitForHeadMs / 1000,
    RAY_EP_STATE: settings.keepsState ? undefined : "none",
    // Empty means discovery; it stands here so that everybody sees where an explicit HEAD goes.
    HEAD_ADDRESS_CFG: headAddress === undefined ? "" : formatAddress(at(headAddress)),
    RAY_HEAD_PORT: asHead?.headPort,
    RAY_DASHBOARD_PORT: asHead?.dashboardPort,
    RAY_CLIENT_PORT: asHead?.clientPort,
    NODE_IP_ADDRESS: place.advertised,
    NODE_MANAGER_PORT: ports.nodeManager,
    OBJECT_MANAGER_PORT: ports.objectManager,
    MIN_WORKER_PORT: ports.workers.min,
    MAX_WORKER_PORT: ports.workers.max,
    // `ray start` takes no fractions.
    RAY_NUM_CPUS: Math.max(1, Math.floor(cpus)),
    RAY_MEMORY: place.memoryBytes - place.objectStoreBytes,
    // Ray keeps 5 files of 512 MB for each of its logs unless told otherwise (ray_constants.py, 2.40 to 2.60).
    RAY_ROTATION_MAX_BYTES: 16 * 2 ** 20,
    RAY_ROTATION_BACKUP_COUNT: 2,
    RAY_USAGE_STATS_ENABLED: 0,
  });
}

/** What config.yaml gives a node for `ray start`, as words (Ray 2.60; Ray's pages have --labels in this form from 2.49 on). Pure. */
export function rayWords({
  resources,
  labels,
  rayArgs,
}: Pick<NodeSettings, "resources" | "labels" | "rayArgs">) {
  const pairs = Object.entries(labels).map((pair) => pair.join("="));
  return [
    ...(Object.keys(resources).length > 0 ? [`--resources=${JSON.stringify(resources)}`] : []),
    ...(pairs.length > 0 ? [`--labels=${pairs.join(",")}`] : []),
    ...rayArgs,
  ];
}

const asTexts = (values: Readonly<Record<string, string | number | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
