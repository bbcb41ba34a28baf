import { type Address, formatAddress } from "../../../common/address.ts";
import { CLIENT_PROGRAM } from "../../checks/client-program.ts";
import {
  clusterEnvironment,
  headEnvironment,
  nodeEnvironment,
  RAY_HABITS,
} from "../../config/node-environment.ts";
import { type PortUse, peerPorts, servicePorts } from "../../config/ports.ts";
import {
  HEALTH_NAME,
  type NodeSettings,
  type Placement,
  type Settings,
  TEST_CLIENT_NAME,
  type WorkerSettings,
} from "../../config/settings.ts";
import type { Request } from "../driver.ts";
import { type OwnPorts, ownPorts } from "./ports.ts";

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
function planHealth(settings: Settings, machine: Machine): ProcessPlan {
  const { health, candidates } = settings;
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
    ports: portsOf(health, HEALTH_NAME, servicePorts(settings)),
  };
}

/** A main node: a candidate as config.yaml says. */
export function planNode(settings: Settings, node: NodeSettings, machine: Machine): ProcessPlan {
  return planRay(settings, node, machine, {
    kind: "node",
    words: [`--dashboard-host=${node.loopbackAddress}`],
    env: headEnvironment(node),
  });
}

/** The test worker: no candidate, told its HEAD. */
function planTestWorker(settings: Settings, head: Address, machine: Machine): ProcessPlan {
  const env = { HEAD_ADDRESS: formatAddress(onLoopback(settings, head)) };
  return planRay(settings, settings.test.worker, machine, { kind: "test-worker", words: [], env });
}

interface RayKind {
  readonly kind: ProcessPlan["kind"];
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function planRay(settings: Settings, node: WorkerSettings, machine: Machine, own: RayKind): ProcessPlan {
  const { name, loopbackAddress } = node;
  const ports = ownPorts(settings, node);
  const objectStoreBytes = Math.min(node.objectStoreBytes, machine.objectStoreLimitBytes);
  return {
    name,
    kind: own.kind,
    address: loopbackAddress,
    file: machine.node,
    args: [machine.entrypoint, "--", ...own.words, ...rayWords(name, objectStoreBytes, ports, machine)],
    env: {
      ...clusterEnvironment(settings, {
        healthUrl: `http://${settings.health.loopbackAddress}:${settings.health.port}`,
        at: (address) => onLoopback(settings, address),
      }),
      ...own.env,
      ...nodeEnvironment({ ...node, advertised: loopbackAddress, objectStoreBytes, ports }),
      ...RAY_HABITS,
      RAY_EP_NODE_NAME: name,
      RAY_EP_USER: machine.user,
      RAY_EP_BIN_DIR: machine.binDir,
      // No engine bounds the log here, and `ws` is gone by then.
      RAY_EP_LOG_LIMIT: "10m",
      RAY_EP_LOG: machine.logForm,
      RAY_EP_STATUS_FILE: statusFile(machine, name),
    },
    // Of the workers' range Ray takes what is free.
    ports: portsOf(node, name, [
      ...peerPorts(node, { ...ports, workers: undefined }),
      ...servicePorts(settings),
    ]),
  };
}

const portsOf = (
  { loopbackAddress: host }: Placement,
  name: string,
  uses: readonly PortUse[],
): PlannedPort[] =>
  uses.filter(({ service }) => service === name).map(({ use, min: port }) => ({ host, port, use }));

/** A node's name becomes its loopback address; every other host stays. */
export function onLoopback(settings: Settings, { host, port }: Address): Address {
  const node = settings.nodes.find(({ name }) => name === host);
  return { host: node?.loopbackAddress ?? host, port };
}

/** Where a node keeps its status. */
export const statusFile = ({ logs }: Pick<Machine, "logs">, name: string): string => `${logs}/${name}.json`;

/** Options of `ray start` that must differ between the nodes of one machine, or must not leave it (Ray 2.40 to 2.60). */
function rayWords(name: string, objectStoreBytes: number, ports: OwnPorts, machine: Machine): string[] {
  return [
    `--temp-dir=${machine.temp}/${name}`,
    `--object-store-memory=${objectStoreBytes}`,
    // The agent also binds 127.0.0.1; the second one on the same port would serve no logs (dashboard/http_server_agent.py).
    `--dashboard-agent-listen-port=${ports.dashboardAgent}`,
    "--disable-usage-stats",
  ];
}

/** The test client: connects with Ray Client to the HEAD and stays. */
function planTestClient(settings: Settings, head: Address, machine: Machine): ProcessPlan {
  const { host, port } = onLoopback(settings, head);
  const node = settings.nodes.find(({ name, headPort }) => name === head.host && headPort === head.port);
  const clientPort = node?.clientPort ?? settings.test.targetClientPort;
  const { loopbackAddress: address } = settings.test.client;
  return {
    name: TEST_CLIENT_NAME,
    kind: "test-client",
    address,
    file: machine.python,
    args: ["-u", "-c", CLIENT_PROGRAM, host, String(port), String(clientPort)],
    env: { WS_CLIENT_ADDRESS: address, RAY_USAGE_STATS_ENABLED: "0" },
    ports: [],
  };
}
