import { isIPv4 } from "node:net";
import { type Address, formatAddress } from "../../common/address.ts";
import { CLIENT_PROGRAM } from "../runtimes/client-program.ts";
import {
  HEALTH_NAME,
  type NodeSettings,
  type Settings,
  TEST_CLIENT_NAME,
  TEST_WORKER_NAME,
} from "../settings.ts";
import type { ComposeFile, ComposeService } from "./compose-file.ts";
import { type HostPlan, nodePlan } from "./host-plan.ts";
import { containerName, networkName } from "./names.ts";
import * as shared from "./node-service.ts";

const NETWORK = "test-network";

/** cluster-test.compose.yaml: a worker and a client in a network of their own, which see the cluster through the host only. Pure. */
export function testComposeFile(settings: Settings, host: HostPlan): ComposeFile {
  const [first] = settings.nodes;
  if (first === undefined) throw new Error("settings without a node");
  return {
    services: {
      [TEST_CLIENT_NAME]: clientService(settings, first, host),
      [TEST_WORKER_NAME]: workerService(settings, first, host),
    },
    networks: {
      [NETWORK]: {
        name: networkName(settings, "test"),
        driver: "bridge",
        ipam: { config: [{ subnet: settings.testSubnet }] },
        labels: shared.labelsOf(settings, "test"),
      },
    },
  };
}

/** The client stays up when it has connected, so that one can look around in it. */
function clientService(settings: Settings, image: NodeSettings, host: HostPlan): ComposeService {
  const { target, client } = settings.test;
  const words = Object.entries(clientVariables(settings, host, target)).map(([name, value]) =>
    orElse(name, value),
  );
  return {
    ...shared.nodeImage(settings, image, host.buildContext),
    container_name: containerName(settings, TEST_CLIENT_NAME),
    hostname: TEST_CLIENT_NAME,
    command: ["python3", "-u", "-c", shared.literal(CLIENT_PROGRAM.trim()), ...words],
    environment: { WS_CLIENT_ADDRESS: client.address, ...shared.RAY_TOKEN },
    networks: { [NETWORK]: { ipv4_address: client.address } },
    extra_hosts: shared.viaHost(clusterNames(settings), host.ipAddress),
    logging: shared.BOUNDED_LOG,
    init: true,
    stop_grace_period: "5s",
    restart: "no",
    labels: shared.labelsOf(settings, "test"),
  };
}

function workerService(settings: Settings, image: NodeSettings, host: HostPlan): ComposeService {
  const { target, worker } = settings.test;
  const { limits, ports } = nodePlan(host, TEST_WORKER_NAME);
  return {
    ...shared.nodeImage(settings, image, host.buildContext),
    container_name: containerName(settings, TEST_WORKER_NAME),
    hostname: TEST_WORKER_NAME,
    command: shared.rayWords(limits, ports),
    environment: {
      ...shared.clusterEnvironment(settings, settings.health.port),
      HEAD_ADDRESS: orElse(HEAD_VARIABLE, formatAddress(target)),
      ...shared.nodeEnvironment({ advertised: TEST_WORKER_NAME, cpus: worker.cpus, limits, ports }),
      ...shared.RAY_TOKEN,
      ...shared.HEALTH_TOKEN,
      ...shared.LOG_FORM,
    },
    networks: { [NETWORK]: { ipv4_address: worker.address } },
    extra_hosts: shared.viaHost(clusterNames(settings), host.ipAddress),
    ports: shared.peerPortMappings(ports),
    healthcheck: shared.NODE_HEALTHCHECK,
    logging: shared.BOUNDED_LOG,
    init: true,
    stop_grace_period: `${shared.STOP_GRACE_S}s`,
    // A test shows what happens; a restart would hide it.
    restart: "no",
    ...shared.resources(limits),
    labels: shared.labelsOf(settings, "test"),
  };
}

const HEAD_VARIABLE = "WS_TEST_HEAD";

/**
 * The variables that compose reads from its own environment when the test starts, so that `ws test --up --head host:port`
 * needs no other file. Pure.
 */
export const testVariables = (
  settings: Settings,
  host: HostPlan,
  head: Address,
): Readonly<Record<string, string>> => ({
  [HEAD_VARIABLE]: formatAddress(head),
  ...clientVariables(settings, host, head),
});

/** What the test client is told, in the order of its arguments. It takes the host's address, as one from outside would. */
function clientVariables(settings: Settings, host: HostPlan, head: Address): Record<string, string> {
  const ours = settings.nodes.find(({ name, nodeIpAddress }) => [name, nodeIpAddress].includes(head.host));
  return {
    WS_TEST_CLIENT_HOST: ours === undefined ? head.host : host.ipAddress,
    WS_TEST_CLIENT_GCS_PORT: String(head.port),
    WS_TEST_CLIENT_PORT: String(ours?.clientPort ?? settings.test.targetClientPort),
  };
}

const orElse = (variable: string, value: string): string => `\${${variable}:-${value}}`;

/** Every name of the main cluster that a peer may be told. */
function clusterNames({ nodes, health }: Settings): string[] {
  const advertised = nodes.map((node) => node.nodeIpAddress).filter((name) => !isIPv4(name));
  const names = [...nodes.map(({ name }) => name), ...advertised, ...(health.enabled ? [HEALTH_NAME] : [])];
  return [...new Set(names)];
}
