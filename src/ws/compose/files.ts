import { join } from "node:path";
import { type Address, formatAddress } from "../../common/address.ts";
import { CLIENT_PROGRAM } from "../checks/client-program.ts";
import {
  HEALTH_NAME,
  HEALTH_PORT,
  plannedHead,
  TEST_CLIENT_NAME,
  TEST_WORKER_NAME,
} from "../config/settings.ts";
import { healthAuth, rayAuth, SECRETS_FOLDER } from "../config/tokens.ts";
import type { HostPlan } from "./host-plan.ts";
import * as names from "./names.ts";
import { namedVolumes, nodeOptions } from "./node-options.ts";
import {
  type ComposeService,
  composeService,
  FROM_SHELL,
  healthProgram,
  nodeImage,
  nodeService,
  tokensOf,
} from "./services.ts";

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly [key: string]: unknown;
}

/** For the head lease. */
const LEASE_VOLUME = "health-state";
const LEASE_FOLDER = "/var/lib/ray-entrypoint";

/** compose.yaml: the health service and the nodes that are switched on. Pure. */
export function mainComposeFile(plan: HostPlan): ComposeFile {
  const { enabled } = plan.health;
  const labels = names.labelsOf(plan, "main");
  const volumes = {
    ...namedVolumes(plan),
    ...(enabled ? { [LEASE_VOLUME]: { name: `${plan.projectName}-${LEASE_VOLUME}`, labels } } : {}),
    ...Object.fromEntries(
      keepers(plan).map(({ name }) => [
        names.stateVolume(name),
        { name: names.stateVolumeName(plan, name), labels },
      ]),
    ),
  };
  const services = {
    ...(enabled ? { [HEALTH_NAME]: healthService(plan) } : {}),
    ...Object.fromEntries(plan.nodes.map((node) => [node.name, mainNode(plan, node)])),
  };
  return {
    services,
    networks: composeNetwork(plan, "main"),
    secrets: composeSecrets(plan, services),
    volumes: Object.keys(volumes).length > 0 ? volumes : undefined,
  };
}

/** The nodes that may lead and keep the state of their cluster. */
const keepers = ({ keepsState, nodes, candidates, headAddress }: HostPlan) =>
  nodes.filter(({ name }) => {
    const mayLead =
      headAddress === undefined ? candidates.some((each) => each.name === name) : headAddress.host === name;
    return keepsState && mayLead;
  });

const composeNetwork = (plan: HostPlan, part: names.Part) => ({
  [names.NETWORKS[part]]: {
    name: names.networkName(plan, part),
    driver: "bridge",
    ipam: { config: [{ subnet: part === "main" ? plan.subnet : plan.testSubnet }] },
    labels: names.labelsOf(plan, part),
  },
});

const composeSecrets = ({ secretsFolder }: HostPlan, services: ComposeFile["services"]) =>
  Object.fromEntries(
    Object.values(services)
      .flatMap(tokensOf)
      .map((token) => [token, { file: names.literal(join(secretsFolder, token)) }]),
  );

const healthService = (plan: HostPlan): ComposeService =>
  composeService(plan, "main", HEALTH_NAME, plan.health.address, {
    ...healthProgram(plan),
    environment: {
      RAY_EP_HEALTH_PORT: String(HEALTH_PORT),
      RAY_EP_HEALTH_STATE_DIR: LEASE_FOLDER,
      HEAD_WHITELIST: plan.candidates.map(({ name }) => name).join(" "),
      ...healthAuth(SECRETS_FOLDER),
      ...FROM_SHELL,
    },
    ports: [`${plan.health.port}:${HEALTH_PORT}`],
    volumes: [`${LEASE_VOLUME}:${LEASE_FOLDER}`],
  });

function mainNode(plan: HostPlan, node: HostPlan["nodes"][number]): ComposeService {
  const before = [plan.health.enabled ? HEALTH_NAME : undefined, plannedHead(plan)]
    .filter((name) => name !== undefined && name !== node.name)
    .map((name) => [name, { condition: "service_healthy" }]);
  const options = nodeOptions(plan, node);
  const state = keepers(plan).includes(node) ? [`${names.stateVolume(node.name)}:${names.STATE_FOLDER}`] : [];
  const volumes = [...state, ...options.volumes];
  return nodeService(plan, "main", node, {
    ...options,
    depends_on: before.length === 0 ? undefined : Object.fromEntries(before),
    volumes: volumes.length > 0 ? volumes : undefined,
  });
}

/** cluster-test.compose.yaml: a worker and a client in a network of their own, which see the cluster through the host only. Pure. */
export function testComposeFile(plan: HostPlan): ComposeFile {
  const { target, client, worker } = plan.test;
  const [told = "", ...words] = Object.entries(testVariables(plan, target)).map(
    ([name, value]) => `\${${name}:-${value}}`,
  );
  const services = {
    // The client stays up when it has connected, so that one can look around in it.
    [TEST_CLIENT_NAME]: composeService(plan, "test", TEST_CLIENT_NAME, client.address, {
      ...nodeImage(plan, TEST_CLIENT_NAME),
      command: ["python3", "-u", "-c", names.literal(CLIENT_PROGRAM.trim()), ...words],
      environment: { WS_CLIENT_ADDRESS: client.address, ...rayAuth(plan.auth, SECRETS_FOLDER) },
      stop_grace_period: "5s",
    }),
    [TEST_WORKER_NAME]: nodeService(plan, "test", worker, { environment: { HEAD_ADDRESS: told } }),
  };
  return { services, networks: composeNetwork(plan, "test"), secrets: composeSecrets(plan, services) };
}

/**
 * The variables that compose reads from its own environment when the test starts, so that `ws test --up --head host:port`
 * needs no other file: the test worker's HEAD, then the test client's arguments. Pure.
 */
export function testVariables(plan: HostPlan, head: Address) {
  const ours = plan.nodes.find(({ name, nodeIpAddress }) => [name, nodeIpAddress].includes(head.host));
  return {
    WS_TEST_HEAD: formatAddress(head),
    // The host's address, which a client from outside would take.
    WS_TEST_CLIENT_HOST: ours === undefined ? head.host : plan.hostIpAddress,
    WS_TEST_CLIENT_GCS_PORT: String(head.port),
    WS_TEST_CLIENT_PORT: String(ours?.clientPort ?? plan.test.targetClientPort),
  };
}
