import { isIPv4 } from "node:net";
import { join } from "node:path";
import { nodeEnvironment } from "../config/node-environment.ts";
import { formatPorts, peerPorts, servicePorts } from "../config/ports.ts";
import { HEALTH_NAME, HEALTH_PORT, type Settings, TEST_WORKER_NAME } from "../config/settings.ts";
import { HEALTH_TOKEN, healthAuth, RAY_TOKEN, rayAuth, SECRETS_FOLDER } from "../config/tokens.ts";
import type { HostPlan, Planned } from "./host-plan.ts";
import * as names from "./names.ts";

/** `docker stop` sends TERM, and after this KILL. A busy Ray drains its tasks meanwhile, and ends itself 4 s before. */
export const STOP_GRACE_S = 30;

/** One check costs a program start; a plain `docker compose up` starts the other nodes when the first one's check holds. */
export const NODE_HEALTHCHECK = { interval: "3s", timeout: "5s", retries: 5, start_period: "120s" };

/** What every node and the health service take from the shell in which compose is typed: the form of their logs. */
export const FROM_SHELL = { RAY_EP_LOG: null };

/** The tokens that a service's variables name: mounted as files, since a value would show in `docker inspect`. Pure. */
export const tokensOf = ({ environment = {} }: ComposeService): string[] =>
  [RAY_TOKEN, HEALTH_TOKEN].filter((token) =>
    Object.values(environment).includes(join(SECRETS_FOLDER, token)),
  );

/** Docker keeps everything that a container ever said unless told otherwise. */
const BOUNDED_LOG = { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } };

/** The keys of a service in the order in which one reads them; what stays undefined is left out. */
const IN_ORDER = Object.fromEntries(
  `image build container_name hostname command user environment env_file depends_on networks network_mode extra_hosts ports volumes secrets healthcheck
  logging init stop_grace_period restart cpus mem_limit ipc shm_size ulimits devices group_add deploy read_only cap_drop security_opt labels`
    .split(/\s+/)
    .map((key) => [key, undefined]),
);

/** A service as both `docker compose` (v2 and later) and docker-compose 1.29 load it. */
export interface ComposeService {
  /** Null: as compose itself has it in its environment, and unset where it has not. */
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly [key: string]: unknown;
}

/** A service with what all of ours have, and its own. `address` is its place in its network. */
export function composeService(
  plan: HostPlan,
  part: names.Part,
  name: string,
  address: string,
  own: ComposeService,
): ComposeService {
  const secrets = tokensOf(own);
  const told = advertised(plan, name);
  // A name that is not the container's own resolves for the others only as an alias.
  const aliases = told === name || isIPv4(told) ? undefined : [told];
  // Names that resolve to the host, from which Docker forwards published ports: so each part sees the other.
  const viaHost = part === "main" ? [TEST_WORKER_NAME] : mainNames(plan);
  return {
    ...IN_ORDER,
    container_name: names.containerName(plan, name),
    hostname: name,
    networks: { [names.NETWORKS[part]]: { ipv4_address: address, aliases } },
    extra_hosts: viaHost.map((each) => `${each}:${plan.hostIpAddress}`),
    logging: BOUNDED_LOG,
    init: true,
    // A test shows what happens; a restart would hide it.
    restart: part === "main" ? "unless-stopped" : "no",
    labels: names.labelsOf(plan, part),
    secrets: secrets.length === 0 ? undefined : secrets,
    ...own,
  };
}

const advertised = ({ nodes }: Settings, service: string): string =>
  nodes.find(({ name }) => name === service)?.nodeIpAddress ?? service;

/** Every name of the main cluster that a peer may be told. */
function mainNames({ nodes, health }: Settings): string[] {
  const told = nodes.map(({ nodeIpAddress }) => nodeIpAddress).filter((name) => !isIPv4(name));
  const own = [...nodes.map(({ name }) => name), ...told, ...(health.enabled ? [HEALTH_NAME] : [])];
  return [...new Set(own)];
}

/** A node of the cluster, or the test worker. `words`: further ones for `ray start`. */
export function nodeService(
  plan: HostPlan,
  part: names.Part,
  node: Planned,
  { environment, words = [], ...own }: ComposeService & { readonly words?: readonly string[] },
): ComposeService {
  const { name, limits, ports } = node;
  const healthPort = part === "main" ? HEALTH_PORT : plan.health.port;
  return composeService(plan, part, name, node.address, {
    ...nodeImage(plan, name),
    // Words after `--` that the entrypoint hands to `ray start` (Ray 2.40 to 2.60).
    command: [
      "--",
      `--object-store-memory=${limits.objectStoreBytes}`,
      `--dashboard-agent-grpc-port=${ports.dashboardAgent}`,
      ...words.map(names.literal),
    ],
    environment: {
      ...environment,
      ...nodeEnvironment(plan, node, {
        ...{ ...limits, advertised: advertised(plan, name), ports },
        healthUrl: `http://${HEALTH_NAME}:${healthPort}`,
        at: (address) => address,
      }),
      RAY_EP_STOP_GRACE: String(STOP_GRACE_S),
      ...rayAuth(plan.auth, SECRETS_FOLDER),
      ...healthAuth(SECRETS_FOLDER),
      ...FROM_SHELL,
    },
    // The same number on the host and inside, since Ray tells its peers the number that it knows.
    ports: [...servicePorts(plan), ...peerPorts(node, ports)]
      .filter(({ service }) => service === name)
      .flatMap((use) => {
        const ports = `${formatPorts(use)}:${formatPorts(use)}`;
        return plan.publishedAt === "all" ? [ports] : plan.publishedAt.map((host) => `${host}:${ports}`);
      }),
    healthcheck: NODE_HEALTHCHECK,
    stop_grace_period: `${STOP_GRACE_S}s`,
    cpus: limits.cpus,
    mem_limit: bytes(limits.memoryBytes),
    shm_size: bytes(limits.shmBytes),
    ...own,
  });
}

/** The health service's image, and how its container runs, in every kind of cluster. */
export const healthProgram = (plan: HostPlan) => ({
  image: names.imageName(plan, HEALTH_NAME),
  build: {
    context: plan.buildContext,
    dockerfile: "docker/health.Dockerfile",
    labels: names.imageLabels(plan, names.HEALTH_SOURCE_VARIABLE),
  },
  // Without `test`: what is asked stands in the image, beside the program that answers.
  healthcheck: { interval: "2s", timeout: "2s", retries: 5, start_period: "30s" },
  stop_grace_period: "5s",
  read_only: true,
  cap_drop: ["ALL"],
  security_opt: ["no-new-privileges:true"],
});

/** The image of a Ray node: the entrypoint on top of the Ray image of config.yaml. The test's two run that of the first node. */
export function nodeImage(plan: HostPlan, service: string) {
  const base = plan.nodes.find(({ name }) => name === service) ?? plan.nodes[0];
  if (base === undefined) throw new Error("settings without a node");
  return {
    image: names.imageName(plan, base.name),
    build: {
      context: plan.buildContext,
      dockerfile: "docker/Dockerfile",
      args: { BASE: base.base.image },
      labels: { ...names.imageLabels(plan, names.NODE_SOURCE_VARIABLE), [names.BASE_LABEL]: base.base.image },
    },
  };
}

/** 8589934592 → 8g, where nothing is lost. */
export function bytes(count: number): string {
  const units = { g: 2 ** 30, m: 2 ** 20, k: 2 ** 10 };
  const [unit, size] = Object.entries(units).find(([, each]) => count % each === 0) ?? ["b", 1];
  return `${count / size}${unit}`;
}
