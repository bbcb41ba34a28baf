import { isIPv4 } from "node:net";
import { HEALTH_NAME, HEALTH_PORT, type NodeSettings, type Settings, TEST_WORKER_NAME } from "../settings.ts";
import type { ComposeFile, ComposeService } from "./compose-file.ts";
import type { HostPlan, Planned } from "./host-plan.ts";
import { containerName, HEALTH_SOURCE_VARIABLE, healthStateVolume, imageName, networkName } from "./names.ts";
import * as shared from "./node-service.ts";

const NETWORK = "ray-network";
const STATE_FOLDER = "/var/lib/ray-entrypoint";

/** compose.yaml: the health service and the nodes that are switched on. Pure. */
export function mainComposeFile(settings: Settings, host: HostPlan): ComposeFile {
  const labels = shared.labelsOf(settings, "main");
  const { enabled } = settings.health;
  const nodes = host.nodes.map((node) => [node.name, mainNode(settings, node, host)] as const);
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
    volumes: enabled ? { "health-state": { name: healthStateVolume(settings), labels } } : undefined,
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

const mainNode = (settings: Settings, node: Planned<NodeSettings>, host: HostPlan): ComposeService =>
  shared.nodeService(settings, host, node, {
    part: "main",
    imageOf: node,
    advertised: node.nodeIpAddress,
    healthPort: HEALTH_PORT,
    environment: {
      RAY_HEAD_PORT: String(node.headPort),
      RAY_DASHBOARD_PORT: String(node.dashboardPort),
      RAY_CLIENT_PORT: String(node.clientPort),
    },
    depends_on: dependencies(settings, node.name),
    networks: { [NETWORK]: { ipv4_address: node.address, aliases: aliases(node) } },
    viaHost: [TEST_WORKER_NAME],
    ports: [node.headPort, node.dashboardPort, node.clientPort],
    restart: "unless-stopped",
    deploy: node.gpu && host.gpu ? ALL_GPUS : undefined,
  });

const ALL_GPUS = {
  resources: {
    reservations: { devices: [{ driver: "nvidia", count: "all", capabilities: ["gpu"] }] },
  },
} as const;

/** A name that is not the container's own resolves for the others only as an alias. */
const aliases = ({ name, nodeIpAddress }: NodeSettings): string[] | undefined =>
  nodeIpAddress === name || isIPv4(nodeIpAddress) ? undefined : [nodeIpAddress];

function dependencies(settings: Settings, name: string): ComposeService["depends_on"] {
  const first = firstToStart(settings);
  const before = [
    ...(settings.health.enabled ? [HEALTH_NAME] : []),
    ...(first === undefined || first === name ? [] : [first]),
  ];
  if (before.length === 0) return undefined;
  return Object.fromEntries(before.map((each) => [each, { condition: "service_healthy" }]));
}

/** The node that is to become HEAD: the explicit one, else the first candidate among ours; undefined: it is elsewhere. */
export function firstToStart({ nodes, headAddress, candidates }: Settings): string | undefined {
  const wanted = headAddress === undefined ? candidates.map(({ name }) => name) : [headAddress.host];
  return wanted.find((name) => nodes.some((node) => node.name === name));
}
