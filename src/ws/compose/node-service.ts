import { clusterEnvironment, nodeEnvironment, RAY_HABITS } from "../config/node-environment.ts";
import { peerPorts } from "../config/ports.ts";
import { HEALTH_NAME, type NodeSettings, type Settings, type WorkerSettings } from "../config/settings.ts";
import type { ComposeService, OwnParts } from "./compose-file.ts";
import type { HostPlan, Planned } from "./host-plan.ts";
import { BASE_LABEL, imageName, NODE_SOURCE_VARIABLE, type Part } from "./names.ts";
import { composeService, imageLabels } from "./service.ts";

/** `docker stop` sends TERM, and after this KILL. A busy Ray drains its tasks meanwhile, and ends itself 4 s before. */
export const STOP_GRACE_S = 30;

/** One check costs a program start; a plain `docker compose up` starts the other nodes when the first one's check holds. */
const NODE_HEALTHCHECK = { interval: "3s", timeout: "5s", retries: 5, start_period: "120s" };

/** Ray's token, from the shell in which `ws` is typed: a secret has no place in a file that people share. */
export const RAY_TOKEN = { RAY_AUTH_MODE: null, RAY_AUTH_TOKEN: null } as const;
/** What every node and the health service take from there: the token of the health service, and the form of their logs. */
export const FROM_SHELL = { RAY_EP_HEALTH_TOKEN: null, RAY_EP_LOG: null } as const;

/** The image of a Ray node: the entrypoint on top of the Ray image of config.yaml. */
export const nodeImage = (
  settings: Settings,
  node: NodeSettings,
  buildContext: string,
): Pick<OwnParts, "image" | "build"> => ({
  image: imageName(settings, node.name),
  build: {
    context: buildContext,
    dockerfile: "docker/Dockerfile",
    args: { BASE: node.image },
    labels: { ...imageLabels(settings, NODE_SOURCE_VARIABLE), [BASE_LABEL]: node.image },
  },
});

/** What one node has that others have not. */
interface NodeOwn {
  /** Whose image it runs. */
  readonly imageOf: NodeSettings;
  readonly advertised: string;
  readonly alias?: string | undefined;
  /** The health service's port where this node asks it. */
  readonly healthPort: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly depends_on?: ComposeService["depends_on"];
  readonly viaHost: readonly string[];
  readonly ports?: readonly number[];
  readonly deploy?: ComposeService["deploy"];
}

/** A node of the cluster, or the test worker. */
export function nodeService(
  settings: Settings,
  host: HostPlan,
  part: Part,
  node: Planned<WorkerSettings>,
  own: NodeOwn,
): ComposeService {
  const { limits, ports } = node;
  return composeService(settings, host, part, node.name, {
    ...nodeImage(settings, own.imageOf, host.buildContext),
    address: node.address,
    alias: own.alias,
    viaHost: own.viaHost,
    // Words after `--` that the entrypoint hands to `ray start` (Ray 2.40 to 2.60).
    command: [
      "--",
      `--object-store-memory=${limits.objectStoreBytes}`,
      `--dashboard-agent-grpc-port=${ports.dashboardAgent}`,
    ],
    environment: {
      ...clusterEnvironment(settings, {
        healthUrl: `http://${HEALTH_NAME}:${own.healthPort}`,
        at: (address) => address,
      }),
      ...own.environment,
      ...nodeEnvironment({ advertised: own.advertised, ports, ...limits, cpus: node.cpus }),
      RAY_EP_STOP_GRACE: String(STOP_GRACE_S),
      ...RAY_HABITS,
      ...RAY_TOKEN,
      ...FROM_SHELL,
    },
    depends_on: own.depends_on,
    ports: [
      ...(own.ports ?? []).map((port) => publish(port)),
      ...peerPorts(node, ports).map(({ min, max }) => publish(min, max)),
    ],
    healthcheck: NODE_HEALTHCHECK,
    stop_grace_period: `${STOP_GRACE_S}s`,
    cpus: limits.cpus,
    mem_limit: bytes(limits.memoryBytes),
    shm_size: bytes(limits.shmBytes),
    deploy: own.deploy,
  });
}

/** 8589934592 → 8g, where nothing is lost. */
function bytes(count: number): string {
  const units = { g: 2 ** 30, m: 2 ** 20, k: 2 ** 10 };
  const [unit, size] = Object.entries(units).find(([, each]) => count % each === 0) ?? ["b", 1];
  return `${count / size}${unit}`;
}

/** The same number on the host and inside, since Ray tells its peers the number that it knows. */
const publish = (min: number, max = min): string =>
  min === max ? `${min}:${min}` : `${min}-${max}:${min}-${max}`;
