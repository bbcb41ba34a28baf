import { formatAddress } from "../../common/address.ts";
import type { NodeSettings, Settings } from "../settings.ts";
import { HEALTH_NAME } from "../settings.ts";
import type { ComposeBuild, Healthcheck, Labels, Logging } from "./compose-file.ts";
import type { Limits } from "./limits.ts";
import {
  BASE_LABEL,
  IMAGE_LABEL,
  imageName,
  NODE_SOURCE_VARIABLE,
  PART_LABEL,
  type Part,
  PROJECT_LABEL,
  SOURCE_LABEL,
  VERSION_LABEL,
} from "./names.ts";
import { type NodePorts, portUses } from "./port-plan.ts";

/** Parts that the services of both compose files share. */

/** `docker stop` sends TERM, and after this KILL. A busy Ray drains its tasks meanwhile, and ends itself 4 s before. */
export const STOP_GRACE_S = 30;

/** One check costs a program start; a plain `docker compose up` starts ray-gpu when ray-cpu's first check holds. */
export const NODE_HEALTHCHECK: Healthcheck = {
  interval: "3s",
  timeout: "5s",
  retries: 5,
  start_period: "120s",
};

/** Compose would take `$name` for a variable. */
export const literal = (text: string): string => text.replaceAll("$", "$$$$");

export function labelsOf(settings: Settings, part: Part): Labels {
  const { projectName, projectVersion } = settings;
  return {
    [PROJECT_LABEL]: projectName,
    [PART_LABEL]: part,
    ...(projectVersion === undefined ? {} : { [VERSION_LABEL]: literal(projectVersion) }),
  };
}

/** `variable` holds the digest of what the image is built from. */
export const imageLabels = ({ projectName }: Settings, variable: string): Labels => ({
  [IMAGE_LABEL]: projectName,
  [SOURCE_LABEL]: `\${${variable}:-}`,
});

/** Docker keeps everything that a container ever said unless told otherwise. */
export const BOUNDED_LOG: Logging = {
  driver: "json-file",
  options: { "max-size": "10m", "max-file": "3" },
};

/** The image of a Ray node: the entrypoint on top of the Ray image of config.yaml. */
export const nodeImage = (
  settings: Settings,
  node: NodeSettings,
  buildContext: string,
): { readonly image: string; readonly build: ComposeBuild } => ({
  image: imageName(settings, node.name),
  build: {
    context: buildContext,
    dockerfile: "docker/Dockerfile",
    args: { BASE: node.image },
    labels: { ...imageLabels(settings, NODE_SOURCE_VARIABLE), [BASE_LABEL]: node.image },
  },
});

/** Words after `--` that the entrypoint hands to `ray start` (Ray 2.40 to 2.60). */
export const rayWords = (limits: Limits, ports: NodePorts): string[] => [
  "--",
  `--object-store-memory=${limits.objectStoreBytes}`,
  `--dashboard-agent-grpc-port=${ports.dashboardAgent}`,
];

/**
 * The `nodes` section of config.yaml, which every container gets. `healthPort` is the health service's port in the
 * container network.
 */
export function clusterEnvironment(settings: Settings, healthPort: number): Record<string, string> {
  const { candidates, health, headAddress } = settings;
  return {
    HEAD_WHITELIST: candidates.map(formatCandidate).join(" "),
    HEALTH_URL: health.externalUrl ?? (health.enabled ? `http://${HEALTH_NAME}:${healthPort}` : "none"),
    HEALTH_TIMEOUT: seconds(health.timeoutMs),
    HEALTH_MAX_RETRIES: String(health.maxRetries),
    HEALTH_RETRY_INTERVAL: seconds(health.retryIntervalMs),
    DISCOVERY_TIMEOUT: seconds(settings.discoveryTimeoutMs),
    WAIT_FOR_HEAD: seconds(settings.waitForHeadMs),
    // Empty means discovery; it stands here so that everybody sees where an explicit HEAD goes.
    HEAD_ADDRESS_CFG: headAddress === undefined ? "" : formatAddress(headAddress),
  };
}

/** Ray's token, from the shell in which `ws` is typed: a secret has no place in a file that people share. */
export const RAY_TOKEN = { RAY_AUTH_MODE: null, RAY_AUTH_TOKEN: null } as const;
/** The same for the token of the health service. */
export const HEALTH_TOKEN = { RAY_EP_HEALTH_TOKEN: null } as const;

/** The form of the logs, likewise. */
export const LOG_FORM = { RAY_EP_LOG: null } as const;

const formatCandidate = ({ name, host, port }: Settings["candidates"][number]): string =>
  name === host ? formatAddress({ host, port }) : `${name}=${formatAddress({ host, port })}`;

const seconds = (ms: number): string => String(ms / 1000);

interface NodeIdentity {
  readonly advertised: string;
  readonly cpus: number;
  readonly limits: Limits;
  readonly ports: NodePorts;
}

/** What one node is: its name for the others, its fixed ports and its resources. */
export function nodeEnvironment({ advertised, cpus, limits, ports }: NodeIdentity): Record<string, string> {
  return {
    NODE_IP_ADDRESS: advertised,
    NODE_MANAGER_PORT: String(ports.nodeManager),
    OBJECT_MANAGER_PORT: String(ports.objectManager),
    MIN_WORKER_PORT: String(ports.workers.min),
    MAX_WORKER_PORT: String(ports.workers.max),
    // `ray start` takes no fractions.
    RAY_NUM_CPUS: String(Math.floor(cpus)),
    RAY_MEMORY: String(limits.memoryBytes - limits.objectStoreBytes),
    RAY_EP_STOP_GRACE: String(STOP_GRACE_S),
    // Ray keeps 5 files of 512 MB for each of its logs unless told otherwise (ray_constants.py, 2.40 to 2.60).
    RAY_ROTATION_MAX_BYTES: String(16 * 2 ** 20),
    RAY_ROTATION_BACKUP_COUNT: "2",
    RAY_USAGE_STATS_ENABLED: "0",
  };
}

export const resources = ({ cpus, memoryBytes, shmBytes }: Limits) => ({
  cpus,
  mem_limit: bytes(memoryBytes),
  shm_size: bytes(shmBytes),
});

/** 8589934592 → 8g, where nothing is lost. */
function bytes(count: number): string {
  const units: readonly (readonly [string, number])[] = [
    ["g", 2 ** 30],
    ["m", 2 ** 20],
    ["k", 2 ** 10],
  ];
  const [unit, size] = units.find(([, each]) => count % each === 0) ?? ["b", 1];
  return `${count / size}${unit}`;
}

export const peerPortMappings = (ports: NodePorts): string[] =>
  portUses(ports).map(([, { min, max }]) => publish(min, max));

/** The same number on the host and inside, since Ray tells its peers the number that it knows. */
export const publish = (min: number, max = min): string =>
  min === max ? `${min}:${min}` : `${min}-${max}:${min}-${max}`;

/** Names that resolve to the host, from which Docker forwards published ports. */
export const viaHost = (names: readonly string[], hostIp: string): string[] =>
  names.map((name) => `${name}:${hostIp}`);
