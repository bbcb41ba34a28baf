import { type Address, formatAddress } from "../../common/address.ts";
import type { NodeSettings, PeerPorts, PortRange, Settings, WorkerSettings } from "./derive.ts";

interface Places {
  /** This cluster's own health service, as a node asks it. */
  readonly healthUrl: string;
  /** An address of config.yaml as a node dials it. */
  readonly at: (address: Address) => Address;
}

/** The `nodes` section of config.yaml, which every node is told. Pure. */
export function clusterEnvironment(settings: Settings, { healthUrl, at }: Places): Record<string, string> {
  const { candidates, health, headAddress } = settings;
  const whitelist = candidates.map(({ name, host, port }) => {
    const address = at({ host, port });
    return name === address.host ? formatAddress(address) : `${name}=${formatAddress(address)}`;
  });
  return {
    HEAD_WHITELIST: whitelist.join(" "),
    HEALTH_URL: health.externalUrl ?? (health.enabled ? healthUrl : "none"),
    HEALTH_TIMEOUT: seconds(health.timeoutMs),
    HEALTH_MAX_RETRIES: String(health.maxRetries),
    HEALTH_RETRY_INTERVAL: seconds(health.retryIntervalMs),
    DISCOVERY_TIMEOUT: seconds(settings.discoveryTimeoutMs),
    WAIT_FOR_HEAD: seconds(settings.waitForHeadMs),
    // Empty means discovery; it stands here so that everybody sees where an explicit HEAD goes.
    HEAD_ADDRESS_CFG: headAddress === undefined ? "" : formatAddress(at(headAddress)),
  };
}

const seconds = (ms: number): string => String(ms / 1000);

/** The ports of a node as a HEAD. Pure. */
export const headEnvironment = (
  node: Pick<NodeSettings, "headPort" | "dashboardPort" | "clientPort">,
): Record<string, string> => ({
  RAY_HEAD_PORT: String(node.headPort),
  RAY_DASHBOARD_PORT: String(node.dashboardPort),
  RAY_CLIENT_PORT: String(node.clientPort),
});

interface Own extends Pick<WorkerSettings, "cpus" | "memoryBytes" | "objectStoreBytes"> {
  /** The name or address that it tells its peers. */
  readonly advertised: string;
  readonly ports: PeerPorts & { readonly workers: PortRange };
}

/** What one node is: its name for the others, its fixed ports and its resources. Pure. */
export const nodeEnvironment = ({ advertised, ports, ...own }: Own): Record<string, string> => ({
  NODE_IP_ADDRESS: advertised,
  ...(ports.nodeManager === undefined ? {} : { NODE_MANAGER_PORT: String(ports.nodeManager) }),
  ...(ports.objectManager === undefined ? {} : { OBJECT_MANAGER_PORT: String(ports.objectManager) }),
  MIN_WORKER_PORT: String(ports.workers.min),
  MAX_WORKER_PORT: String(ports.workers.max),
  // `ray start` takes no fractions.
  RAY_NUM_CPUS: String(Math.max(1, Math.floor(own.cpus))),
  RAY_MEMORY: String(own.memoryBytes - own.objectStoreBytes),
});

/** Ray's habits. */
export const RAY_HABITS: Readonly<Record<string, string>> = {
  // Ray keeps 5 files of 512 MB for each of its logs unless told otherwise (ray_constants.py, 2.40 to 2.60).
  RAY_ROTATION_MAX_BYTES: String(16 * 2 ** 20),
  RAY_ROTATION_BACKUP_COUNT: "2",
  RAY_USAGE_STATS_ENABLED: "0",
};
