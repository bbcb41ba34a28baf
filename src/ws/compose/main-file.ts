import { isIPv4 } from "node:net";
import {
  HEALTH_NAME,
  HEALTH_PORT,
  type NodeName,
  type NodeSettings,
  type Settings,
  TEST_WORKER_NAME,
} from "../settings.ts";
import type { ComposeFile, ComposeService } from "./compose-file.ts";
import { type HostPlan, nodePlan } from "./host-plan.ts";
import { containerName, HEALTH_SOURCE_VARIABLE, healthStateVolume, imageName, networkName } from "./names.ts";
import * as shared from "./node-service.ts";

const NETWORK = "ray-network";
const STATE_FOLDER = "/var/lib/ray-entrypoint";

/** compose.yaml: the health service and the nodes that are switched on. Pure. */
export function mainComposeFile(settings: Settings, host: HostPlan): ComposeFile {
  const labels = shared.labelsOf(settings, "main");
  const { enabled } = settings.health;
  const nodes = settings.nodes.map((node) => [node.name, nodeService(settings, node, host)] as const);
  return {
    services: {
      ...(enabled ? { [HEALTH_NAME]: healthService(settings, host) } : {}),
      ...Object.fromEntries(nodes),
    },
    networks: {
      [NETWORK]: {
        name: networkName(settings, "main"),
        driver: "bridge",
        ipam: { config: [{ subnet: settings.subnet }] },
        labels,
      },
    },
    ...(enabled ? { volumes: { "health-state": { name: healthStateVolume(settings), labels } } } : {}),
  };
}

function healthService(settings: Settings, host: HostPlan): ComposeService {
  const { health, candidates } = settings;
  const labels = shared.labelsOf(settings, "main");
  return {
    image: imageName(settings, HEALTH_NAME),
    build: {
      context: host.buildContext,
      dockerfile: "docker/health.Dockerfile",
      labels: shared.imageLabels(settings, HEALTH_SOURCE_VARIABLE),
    },
    container_name: containerName(settings, HEALTH_NAME),
    hostname: HEALTH_NAME,
    environment: {
      RAY_EP_HEALTH_PORT: String(HEALTH_PORT),
      RAY_EP_HEALTH_STATE_DIR: STATE_FOLDER,
      HEAD_WHITELIST: candidates.map(({ name }) => name).join(" "),
      ...shared.HEALTH_TOKEN,
      ...shared.LOG_FORM,
    },
    networks: { [NETWORK]: { ipv4_address: health.address } },
    // It dials a node back under the name that the node is about to advertise.
    extra_hosts: shared.viaHost([TEST_WORKER_NAME], host.ipAddress),
    ports: [`${health.port}:${HEALTH_PORT}`],
    volumes: [`health-state:${STATE_FOLDER}`],
    healthcheck: { interval: "2s", timeout: "2s", retries: 5, start_period: "30s" },
    logging: shared.BOUNDED_LOG,
    init: true,
    stop_grace_period: "5s",
    restart: "unless-stopped",
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    labels,
  };
}

function nodeService(settings: Settings, node: NodeSettings, host: HostPlan): ComposeService {
  const { limits, ports } = nodePlan(host, node.name);
  return {
    ...shared.nodeImage(settings, node, host.buildContext),
    container_name: containerName(settings, node.name),
    hostname: node.name,
    command: shared.rayWords(limits, ports),
    environment: {
      ...shared.clusterEnvironment(settings, HEALTH_PORT),
      RAY_HEAD_PORT: String(node.headPort),
      RAY_DASHBOARD_PORT: String(node.dashboardPort),
      RAY_CLIENT_PORT: String(node.clientPort),
      ...shared.nodeEnvironment({ advertised: node.nodeIpAddress, cpus: node.cpus, limits, ports }),
      ...shared.RAY_TOKEN,
      ...shared.HEALTH_TOKEN,
      ...shared.LOG_FORM,
    },
    ...dependencies(settings, node.name),
    networks: { [NETWORK]: { ipv4_address: node.address, ...aliases(node) } },
    extra_hosts: shared.viaHost([TEST_WORKER_NAME], host.ipAddress),
    ports: [
      ...[node.headPort, node.dashboardPort, node.clientPort].map((port) => shared.publish(port)),
      ...shared.peerPortMappings(ports),
    ],
    healthcheck: shared.NODE_HEALTHCHECK,
    logging: shared.BOUNDED_LOG,
    init: true,
    stop_grace_period: `${shared.STOP_GRACE_S}s`,
    restart: "unless-stopped",
    ...shared.resources(limits),
    ...(node.name === "ray-gpu" && host.gpu ? { deploy: allGpus } : {}),
    labels: shared.labelsOf(settings, "main"),
  };
}

const allGpus = {
  resources: {
    reservations: { devices: [{ driver: "nvidia", count: "all", capabilities: ["gpu"] }] },
  },
} as const;

/** A name that is not the container's own resolves for the others only as an alias. */
const aliases = ({ name, nodeIpAddress }: NodeSettings) =>
  nodeIpAddress === name || isIPv4(nodeIpAddress) ? {} : { aliases: [nodeIpAddress] };

function dependencies(settings: Settings, name: NodeName): Pick<ComposeService, "depends_on"> {
  const first = firstToStart(settings);
  const before = [
    ...(settings.health.enabled ? [HEALTH_NAME] : []),
    ...(first === undefined || first === name ? [] : [first]),
  ];
  if (before.length === 0) return {};
  return { depends_on: Object.fromEntries(before.map((each) => [each, { condition: "service_healthy" }])) };
}

/** The node that is to become HEAD: the explicit one, else the first candidate among ours; undefined: it is elsewhere. */
export function firstToStart({ nodes, headAddress, candidates }: Settings): NodeName | undefined {
  const wanted = headAddress === undefined ? candidates.map(({ name }) => name) : [headAddress.host];
  const ours = wanted.map((name) => nodes.find((node) => node.name === name)?.name);
  return ours.find((name) => name !== undefined);
}
