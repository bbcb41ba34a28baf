import { isIPv4 } from "node:net";
import { headEnvironment } from "../config/node-environment.ts";
import {
  HEALTH_NAME,
  HEALTH_PORT,
  type NodeSettings,
  plannedHead,
  type Settings,
  TEST_WORKER_NAME,
} from "../config/settings.ts";
import type { ComposeFile, ComposeService } from "./compose-file.ts";
import type { HostPlan, Planned } from "./host-plan.ts";
import { HEALTH_SOURCE_VARIABLE, healthStateVolume, imageName } from "./names.ts";
import { FROM_SHELL, nodeService } from "./node-service.ts";
import { composeNetworks, composeService, imageLabels, labelsOf } from "./service.ts";

const STATE_VOLUME = "health-state";
const STATE_FOLDER = "/var/lib/ray-entrypoint";

/** compose.yaml: the health service and the nodes that are switched on. Pure. */
export function mainComposeFile(settings: Settings, host: HostPlan): ComposeFile {
  const { enabled } = settings.health;
  const volume = { name: healthStateVolume(settings), labels: labelsOf(settings, "main") };
  return {
    services: {
      ...(enabled ? { [HEALTH_NAME]: healthService(settings, host) } : {}),
      ...Object.fromEntries(host.nodes.map((node) => [node.name, mainNode(settings, host, node)])),
    },
    networks: composeNetworks(settings, "main"),
    volumes: enabled ? { [STATE_VOLUME]: volume } : undefined,
  };
}

const healthService = (settings: Settings, host: HostPlan): ComposeService =>
  composeService(settings, host, "main", HEALTH_NAME, {
    image: imageName(settings, HEALTH_NAME),
    build: {
      context: host.buildContext,
      dockerfile: "docker/health.Dockerfile",
      labels: imageLabels(settings, HEALTH_SOURCE_VARIABLE),
    },
    address: settings.health.address,
    // It dials a node back under the name that the node is about to advertise.
    viaHost: [TEST_WORKER_NAME],
    environment: {
      RAY_EP_HEALTH_PORT: String(HEALTH_PORT),
      RAY_EP_HEALTH_STATE_DIR: STATE_FOLDER,
      HEAD_WHITELIST: settings.candidates.map(({ name }) => name).join(" "),
      ...FROM_SHELL,
    },
    ports: [`${settings.health.port}:${HEALTH_PORT}`],
    volumes: [`${STATE_VOLUME}:${STATE_FOLDER}`],
    healthcheck: { interval: "2s", timeout: "2s", retries: 5, start_period: "30s" },
    stop_grace_period: "5s",
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
  });

const mainNode = (settings: Settings, host: HostPlan, node: Planned<NodeSettings>): ComposeService =>
  nodeService(settings, host, "main", node, {
    imageOf: node,
    advertised: node.nodeIpAddress,
    // A name that is not the container's own resolves for the others only as an alias.
    alias: node.nodeIpAddress === node.name || isIPv4(node.nodeIpAddress) ? undefined : node.nodeIpAddress,
    healthPort: HEALTH_PORT,
    environment: headEnvironment(node),
    depends_on: dependencies(settings, node.name),
    viaHost: [TEST_WORKER_NAME],
    ports: [node.headPort, node.dashboardPort, node.clientPort],
    deploy: node.gpu && host.gpu ? ALL_GPUS : undefined,
  });

const ALL_GPUS = {
  resources: { reservations: { devices: [{ driver: "nvidia", count: "all", capabilities: ["gpu"] }] } },
};

function dependencies(settings: Settings, name: string): ComposeService["depends_on"] {
  const first = plannedHead(settings);
  const before = [
    ...(settings.health.enabled ? [HEALTH_NAME] : []),
    ...(first === undefined || first === name ? [] : [first]),
  ];
  if (before.length === 0) return undefined;
  return Object.fromEntries(before.map((each) => [each, { condition: "service_healthy" }]));
}
