import { join, resolve } from "node:path";
import { type Address, formatAddress } from "../../../common/address.ts";
import { CLIENT_PROGRAM } from "../../checks/client-program.ts";
import { nodeEnvironment, rayWords } from "../../config/node-environment.ts";
import { type PortUse, peerPorts, servicePorts } from "../../config/ports.ts";
import {
  HEALTH_NAME,
  type NodeSettings,
  type Settings,
  TEST_CLIENT_NAME,
  type WorkerSettings,
} from "../../config/settings.ts";
import { healthAuth, rayAuth } from "../../config/tokens.ts";
import type { Request } from "../driver.ts";
import { type Machine, nodeState, statusFile } from "./machine.ts";

export interface ProcessPlan {
  readonly name: string;
  readonly address: string;
  readonly file: string;
  readonly args: readonly string[];
  /** On top of the environment that all of them share. */
  readonly env: Readonly<Record<string, string>>;
  readonly ports: readonly PlannedPort[];
}

export interface PlannedPort extends Address {
  readonly use: string;
}

/** The processes of a part, in display order. Pure. */
export function planPart(
  settings: Settings,
  { part, head }: Pick<Request, "part" | "head">,
  machine: Machine,
): ProcessPlan[] {
  if (part === "main")
    return [
      ...(settings.health.enabled ? [planHealth(settings, machine)] : []),
      ...settings.nodes.map((node) => planNode(settings, node, machine)),
    ];
  // No candidate: it is told its HEAD.
  const told = { HEAD_ADDRESS: formatAddress(onLoopback(settings, head)) };
  return [
    planRay(settings, settings.test.worker, machine, [], told),
    planTestClient(settings, head, machine),
  ];
}

function planHealth(settings: Settings, { folders, dist, logForm }: Machine): ProcessPlan {
  const { loopbackAddress: address, port } = settings.health;
  return {
    name: HEALTH_NAME,
    address,
    file: process.execPath,
    args: [join(dist, "health-server.js")],
    env: {
      RAY_EP_HEALTH_HOST: address,
      RAY_EP_HEALTH_PORT: String(port),
      RAY_EP_HEALTH_STATE_DIR: folders.healthState,
      RAY_EP_LOG: logForm,
      HEAD_WHITELIST: settings.candidates.map(({ name }) => name).join(" "),
      ...healthAuth(folders.secrets),
    },
    ports: portsOf(HEALTH_NAME, address, servicePorts(settings)),
  };
}

/** A main node: a candidate as config.yaml says. */
export const planNode = (settings: Settings, node: NodeSettings, machine: Machine): ProcessPlan =>
  planRay(settings, node, machine, [`--dashboard-host=${node.loopbackAddress}`, ...rayWords(node)], {
    ...machine.variablesOf(node),
    ...(node.pipRequirements === undefined
      ? {}
      : { RAY_EP_PIP_REQUIREMENTS: resolve(machine.configFolder, node.pipRequirements) }),
  });

function planRay(
  settings: Settings,
  node: WorkerSettings,
  { folders, binDir, dist, user, logForm, objectStoreLimitBytes }: Machine,
  words: readonly string[],
  told: Readonly<Record<string, string>> = {},
): ProcessPlan {
  const { name, loopbackAddress: address } = node;
  const { health } = settings;
  const ports = ownPorts(settings, node);
  const objectStoreBytes = Math.min(node.objectStoreBytes, objectStoreLimitBytes);
  return {
    name,
    address,
    file: process.execPath,
    args: [
      join(dist, "entrypoint.js"),
      "--",
      ...words,
      // What must differ between the nodes of one machine, or must not leave it (Ray 2.40 to 2.60).
      `--temp-dir=${folders.temp}/${name}`,
      `--object-store-memory=${objectStoreBytes}`,
      // The agent also binds 127.0.0.1; the second one on the same port would serve no logs (dashboard/http_server_agent.py).
      `--dashboard-agent-listen-port=${ports.dashboardAgent}`,
      "--disable-usage-stats",
    ],
    env: {
      ...told,
      ...nodeEnvironment(settings, node, {
        ...{ advertised: address, ports, memoryBytes: node.memoryBytes, objectStoreBytes },
        healthUrl: `http://${health.loopbackAddress}:${health.port}`,
        at: (each) => onLoopback(settings, each),
      }),
      ...rayAuth(settings.auth, folders.secrets),
      ...healthAuth(folders.secrets),
      RAY_EP_NODE_NAME: name,
      RAY_EP_USER: user,
      RAY_EP_BIN_DIR: binDir,
      // No engine bounds the log here, and `ws` is gone by then.
      RAY_EP_LOG_LIMIT: "10m",
      RAY_EP_LOG: logForm,
      RAY_EP_STATUS_FILE: statusFile(folders, name),
      RAY_EP_STATE_DIR: nodeState(folders, name),
    },
    // Of the workers' range Ray takes what is free.
    ports: portsOf(name, address, [
      ...peerPorts(node, { ...ports, workers: undefined }),
      ...servicePorts(settings),
    ]),
  };
}

/** Connects with Ray Client to the HEAD and stays. */
function planTestClient(settings: Settings, head: Address, { binDir, folders }: Machine): ProcessPlan {
  const { host, port } = onLoopback(settings, head);
  const node = settings.nodes.find(({ name, headPort }) => name === head.host && headPort === head.port);
  const clientPort = node?.clientPort ?? settings.test.targetClientPort;
  const { loopbackAddress: address } = settings.test.client;
  return {
    name: TEST_CLIENT_NAME,
    address,
    file: join(binDir, "python"),
    args: ["-u", "-c", CLIENT_PROGRAM, host, String(port), String(clientPort)],
    env: {
      WS_CLIENT_ADDRESS: address,
      RAY_USAGE_STATS_ENABLED: "0",
      ...rayAuth(settings.auth, folders.secrets),
    },
    ports: [],
  };
}

const portsOf = (name: string, host: string, uses: readonly PortUse[]): PlannedPort[] =>
  uses
    .filter(({ service }) => service === name)
    .flatMap(({ use, min: port }) => [
      { host, port, use },
      // Without it the agent never announces itself, and the HEAD takes no job (dashboard/http_server_agent.py).
      ...(use === AGENT ? [{ host: "127.0.0.1", port, use }] : []),
    ]);

/** A node's name becomes its loopback address; every other host stays. */
export function onLoopback(settings: Settings, { host, port }: Address): Address {
  const node = settings.nodes.find(({ name }) => name === host);
  return { host: node?.loopbackAddress ?? host, port };
}

const AGENT = "dashboard agent";
const WORKERS_EACH = 1000;
const AGENT_STEP = 100;
const LAST_PORT = 65535;

/**
 * All nodes share one machine, and Ray binds most ports on every address of it: each node needs its own. They follow from
 * the ports of the first node that may lead, so that a second cluster with other ports in its config.yaml meets none of them.
 * Ray's own default range for workers (10002 to 19999) is the same for all and holds ray-gpu's client port 10002.
 */
function ownPorts({ nodes, test }: Settings, { name, peerPorts: given }: WorkerSettings) {
  const place = [...nodes, test.worker].findIndex((each) => each.name === name) + 1;
  const { clientPort = 10001, dashboardPort = 8265 } = nodes.find(({ headPort }) => headPort) ?? {};
  const min = wrap(clientPort - 1 + WORKERS_EACH * place, WORKERS_EACH);
  return {
    ...given,
    workers: given.workers ?? { min, max: min + WORKERS_EACH - 1 },
    dashboardAgent: wrap(dashboardPort + AGENT_STEP * place, 1),
  };
}

/** Ports that would lie above the last one are taken from far below, where nothing of ours is. */
const wrap = (port: number, size: number): number =>
  port + size - 1 <= LAST_PORT ? port : port - LAST_PORT + 1024 + 4 * WORKERS_EACH;
