import { isIPv4 } from "node:net";
import { type Address, formatAddress } from "../../common/address.ts";
import { CLIENT_PROGRAM } from "../checks/client-program.ts";
import {
  HEALTH_NAME,
  type NodeSettings,
  type Settings,
  TEST_CLIENT_NAME,
  TEST_WORKER_NAME,
} from "../config/settings.ts";
import type { ComposeFile, ComposeService } from "./compose-file.ts";
import type { HostPlan } from "./host-plan.ts";
import { nodeImage, nodeService, RAY_TOKEN } from "./node-service.ts";
import { composeNetworks, composeService, literal } from "./service.ts";

/** cluster-test.compose.yaml: a worker and a client in a network of their own, which see the cluster through the host only. Pure. */
export function testComposeFile(settings: Settings, host: HostPlan): ComposeFile {
  const [first] = settings.nodes;
  if (first === undefined) throw new Error("settings without a node");
  return {
    services: {
      [TEST_CLIENT_NAME]: clientService(settings, host, first),
      [TEST_WORKER_NAME]: nodeService(settings, host, "test", host.testWorker, {
        imageOf: first,
        advertised: TEST_WORKER_NAME,
        healthPort: settings.health.port,
        environment: { HEAD_ADDRESS: orElse(HEAD_VARIABLE, formatAddress(settings.test.target)) },
        viaHost: clusterNames(settings),
      }),
    },
    networks: composeNetworks(settings, "test"),
  };
}

/** The client stays up when it has connected, so that one can look around in it. */
function clientService(settings: Settings, host: HostPlan, imageOf: NodeSettings): ComposeService {
  const { target, client } = settings.test;
  const words = Object.entries(clientVariables(settings, host, target)).map(([name, value]) =>
    orElse(name, value),
  );
  return composeService(settings, host, "test", TEST_CLIENT_NAME, {
    ...nodeImage(settings, imageOf, host.buildContext),
    address: client.address,
    viaHost: clusterNames(settings),
    command: ["python3", "-u", "-c", literal(CLIENT_PROGRAM.trim()), ...words],
    environment: { WS_CLIENT_ADDRESS: client.address, ...RAY_TOKEN },
    stop_grace_period: "5s",
  });
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
