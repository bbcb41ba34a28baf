import type { Address } from "../../../common/address.ts";
import { CLIENT_PROGRAM } from "../../cluster/client-program.ts";
import {
  HEALTH_NAME,
  type NodeSettings,
  type Settings,
  TEST_CLIENT_NAME,
  TEST_WORKER_NAME,
} from "../../settings.ts";
import type { Request } from "../driver.ts";
import { nodePorts, type OwnPorts, testWorkerPorts } from "./ports.ts";

/** One process to run, and what it takes for itself. */
export interface ProcessPlan {
  readonly name: string;
  readonly kind: "health" | "node" | "test-worker" | "test-client";
  /** The loopback address that it serves on. */
  readonly address: string;
  readonly file: string;
  readonly args: readonly string[];
  /** On top of the environment that all of them share. */
  readonly env: Readonly<Record<string, string>>;
  /** What must be free before it starts. */
  readonly ports: readonly PlannedPort[];
}

export interface PlannedPort extends Address {
  readonly use: string;
}

/** What the plan takes from the machine. */
export interface Machine {
  readonly node: string;
  readonly python: string;
  readonly entrypoint: string;
  readonly healthServer: string;
  /** The folder that holds `ray`. */
  readonly binDir: string;
  readonly user: string;
  readonly temp: string;
  readonly healthState: string;
  readonly logs: string;
  readonly logForm: string;
  /** What one node's object store may take at most: beyond it Ray would leave /dev/shm or refuse to start. */
  readonly objectStoreLimitBytes: number;
}

/** The processes of a part, in display order. Pure. */
export function planPart(settings: Settings, { part, head }: Request, machine: Machine): ProcessPlan[] {
  if (part === "test")
    return [planTestWorker(settings, head, machine), planTestClient(settings, head, machine)];
  return [
    ...(settings.health.enabled ? [planHealth(settings, machine)] : []),
    ...settings.nodes.map((node) => planNode(settings, node, machine)),
  ];
}

/** The health service. */
export function planHealth({ health, candidates }: Settings, machine: Machine): ProcessPlan {
  return {
    name: HEALTH_NAME,
    kind: "health",
    address: health.loopbackAddress,
    file: machine.node,
    args: [machine.healthServer],
    env: {
      RAY_EP_HEALTH_HOST: health.loopbackAddress,
      RAY_EP_HEALTH_PORT: String(health.port),
      RAY_EP_HEALTH_STATE_DIR: machine.healthState,
      RAY_EP_LOG: machine.logForm,
      HEAD_WHITELIST: candidates.map(({ name }) => name).join(" "),
    },
    ports: [{ host: health.loopbackAddress, port: health.port, use: "health service" }],
  };
}

/** A main node: a candidate as config.yaml says. */
export function planNode(settings: Settings, node: NodeSettings, machine: Machine): ProcessPlan {
  const ports = nodePorts(settings, node);
  const words = rayWords(node.name, node.objectStoreBytes, ports, machine);
  return {
    name: node.name,
    kind: "node",
    address: node.loopbackAddress,
    file: machine.node,
    args: [machine.entrypoint, "--", `--dashboard-host=${node.loopbackAddress}`, ...words],
    env: {
      ...nodeEnv(settings, machine, { ...node, ports }),
      ...(settings.headAddress === undefined
        ? {}
        : { HEAD_ADDRESS_CFG: formatOnLoopback(settings, settings.headAddress) }),
      RAY_HEAD_PORT: String(node.headPort),
      RAY_DASHBOARD_PORT: String(node.dashboardPort),
      RAY_CLIENT_PORT: String(node.clientPort),
    },
    ports: [
      ...peerPorts(node.loopbackAddress, ports),
      { host: node.loopbackAddress, port: node.headPort, use: "GCS" },
      { host: node.loopbackAddress, port: node.dashboardPort, use: "dashboard" },
      { host: node.loopbackAddress, port: node.clientPort, use: "Ray Client" },
      { host: node.loopbackAddress, port: ports.agent, use: "dashboard agent" },
    ],
  };
}

/** The ports that config.yaml sets; the kernel picks the others. */
const peerPorts = (host: string, { nodeManager, objectManager }: OwnPorts): PlannedPort[] => [
  ...(nodeManager === undefined ? [] : [{ host, port: nodeManager, use: "node manager" }]),
  ...(objectManager === undefined ? [] : [{ host, port: objectManager, use: "object manager" }]),
];

/** The test worker: no candidate, told its HEAD. */
export function planTestWorker(settings: Settings, head: Address, machine: Machine): ProcessPlan {
  const { worker } = settings.test;
  const ports = testWorkerPorts(settings);
  const named = { ...worker, name: TEST_WORKER_NAME, ports };
  return {
    name: TEST_WORKER_NAME,
    kind: "test-worker",
    address: worker.loopbackAddress,
    file: machine.node,
    args: [machine.entrypoint, "--", ...rayWords(TEST_WORKER_NAME, worker.objectStoreBytes, ports, machine)],
    env: { ...nodeEnv(settings, machine, named), HEAD_ADDRESS: formatOnLoopback(settings, head) },
    ports: [
      ...peerPorts(worker.loopbackAddress, ports),
      { host: worker.loopbackAddress, port: ports.agent, use: "dashboard agent" },
    ],
  };
}

/** A node's name becomes its loopback address; every other host stays. */
export function onLoopback(settings: Settings, { host, port }: Address): Address {
  const node = settings.nodes.find(({ name }) => name === host);
  return { host: node?.loopbackAddress ?? host, port };
}

const formatOnLoopback = (settings: Settings, address: Address): string => {
  const { host, port } = onLoopback(settings, address);
  return `${host}:${port}`;
};

/** Where this cluster's health service answers. */
function healthUrl({ health }: Settings): string {
  return health.externalUrl ?? `http://${health.loopbackAddress}:${health.port}`;
}

/** Where a node keeps its status. */
export const statusFile = ({ logs }: Pick<Machine, "logs">, name: string): string => `${logs}/${name}.json`;

interface NodeKind {
  readonly name: string;
  readonly loopbackAddress: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly objectStoreBytes: number;
  readonly ports: OwnPorts;
}

const seconds = (ms: number): string => String(ms / 1000);

function nodeEnv(settings: Settings, machine: Machine, node: NodeKind): Record<string, string> {
  const { health } = settings;
  const store = objectStoreOf(node.objectStoreBytes, machine);
  return {
    HEAD_WHITELIST: settings.candidates
      .map((candidate) => `${candidate.name}=${formatOnLoopback(settings, candidate)}`)
      .join(" "),
    HEALTH_URL: health.enabled || health.externalUrl ? healthUrl(settings) : "none",
    HEALTH_TIMEOUT: seconds(health.timeoutMs),
    HEALTH_MAX_RETRIES: String(health.maxRetries),
    HEALTH_RETRY_INTERVAL: seconds(health.retryIntervalMs),
    DISCOVERY_TIMEOUT: seconds(settings.discoveryTimeoutMs),
    WAIT_FOR_HEAD: seconds(settings.waitForHeadMs),
    NODE_IP_ADDRESS: node.loopbackAddress,
    ...(node.ports.nodeManager === undefined ? {} : { NODE_MANAGER_PORT: String(node.ports.nodeManager) }),
    ...(node.ports.objectManager === undefined
      ? {}
      : { OBJECT_MANAGER_PORT: String(node.ports.objectManager) }),
    MIN_WORKER_PORT: String(node.ports.workers.min),
    MAX_WORKER_PORT: String(node.ports.workers.max),
    RAY_NUM_CPUS: String(Math.max(1, Math.floor(node.cpus))),
    // What the object store does not get, so that both together stay what config.yaml says.
    RAY_MEMORY: String(node.memoryBytes - store),
    RAY_EP_NODE_NAME: node.name,
    RAY_EP_USER: machine.user,
    RAY_EP_BIN_DIR: machine.binDir,
    // No engine bounds the log here, and `ws` is gone by then.
    RAY_EP_LOG_LIMIT: "10m",
    RAY_EP_LOG: machine.logForm,
    RAY_EP_STATUS_FILE: statusFile(machine, node.name),
    RAY_USAGE_STATS_ENABLED: "0",
    // Ray keeps 5 files of 512 MB for each of its logs unless told otherwise (ray_constants.py).
    RAY_ROTATION_MAX_BYTES: String(16 * 2 ** 20),
    RAY_ROTATION_BACKUP_COUNT: "2",
  };
}

const objectStoreOf = (wantedBytes: number, machine: Machine): number =>
  Math.min(wantedBytes, machine.objectStoreLimitBytes);

/** Options of `ray start` that must differ between the nodes of one machine, or must not leave it (Ray 2.40 to 2.60). */
function rayWords(name: string, objectStoreBytes: number, ports: OwnPorts, machine: Machine): string[] {
  return [
    `--temp-dir=${machine.temp}/${name}`,
    `--object-store-memory=${objectStoreOf(objectStoreBytes, machine)}`,
    // The agent also binds 127.0.0.1; the second one on the same port would serve no logs (dashboard/http_server_agent.py).
    `--dashboard-agent-listen-port=${ports.agent}`,
    "--disable-usage-stats",
  ];
}

/** The test client: connects with Ray Client to the HEAD and stays. */
function planTestClient(settings: Settings, head: Address, machine: Machine): ProcessPlan {
  const { host, port } = onLoopback(settings, head);
  const node = settings.nodes.find(({ name, headPort }) => name === head.host && headPort === head.port);
  const clientPort = node?.clientPort ?? settings.test.targetClientPort;
  return {
    name: TEST_CLIENT_NAME,
    kind: "test-client",
    address: settings.test.client.loopbackAddress,
    file: machine.python,
    args: ["-u", "-c", CLIENT_PROGRAM, host, String(port), String(clientPort)],
    env: { WS_CLIENT_ADDRESS: settings.test.client.loopbackAddress, RAY_USAGE_STATS_ENABLED: "0" },
    ports: [],
  };
}
