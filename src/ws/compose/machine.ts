import { join } from "node:path";
import { HEALTH_NAME, type MemberSettings } from "../config/settings.ts";
import { SECRETS_FOLDER } from "../config/tokens.ts";
import { JOIN_TOKEN } from "../state/machine.ts";
import type { ComposeFile } from "./files.ts";
import type { HostPlan } from "./host-plan.ts";
import * as names from "./names.ts";
import { namedVolumes, nodeOptions } from "./node-options.ts";
import {
  bytes,
  type ComposeService,
  composeService,
  FROM_SHELL,
  healthProgram,
  NODE_HEALTHCHECK,
  nodeImage,
  STOP_GRACE_S,
} from "./services.ts";

/** Where the health service listens with TLS. */
export const TLS_PORT = 8443;
/** Where its container has the folder of the cluster's identity. */
const CLUSTER_FOLDER = "/var/lib/ray-entrypoint";

/** compose.yaml of one machine of several: its node, and the health service where one runs here; both on the host network. Pure. */
export function machineComposeFile(plan: HostPlan, machine: MemberSettings): ComposeFile {
  const [node] = plan.nodes;
  if (node === undefined) throw new Error("settings without a node");
  const state = names.stateVolume(node.name);
  const labels = names.labelsOf(plan, "main");
  return {
    services: {
      ...(machine.advertise === undefined ? {} : { [HEALTH_NAME]: healthService(plan, machine) }),
      [node.name]: memberService(plan, node, machine, state),
    },
    secrets: { [JOIN_TOKEN]: { file: names.literal(join(plan.secretsFolder, JOIN_TOKEN)) } },
    volumes: { ...namedVolumes(plan), [state]: { name: names.stateVolumeName(plan, node.name), labels } },
  };
}

/** Beside the host's own network nothing is published, and names resolve as they do on the host. */
const onHost = (plan: HostPlan, name: string, own: ComposeService): ComposeService =>
  composeService(plan, "main", name, "", {
    ...{ hostname: undefined, networks: undefined, network_mode: "host", extra_hosts: undefined },
    ...own,
  });

const healthService = (
  plan: HostPlan,
  { advertise = "", rayTls = false, user, clusterFolder }: MemberSettings,
): ComposeService =>
  onHost(plan, HEALTH_NAME, {
    ...healthProgram(plan),
    environment: {
      RAY_EP_HEALTH_PORT: String(plan.health.port),
      RAY_EP_HEALTH_TLS_PORT: String(TLS_PORT),
      RAY_EP_HEALTH_ADVERTISE: advertise,
      RAY_EP_HEALTH_STATE_DIR: CLUSTER_FOLDER,
      RAY_EP_CLUSTER_DIR: CLUSTER_FOLDER,
      ...(rayTls ? { RAY_EP_CLUSTER_RAY_TLS: "true" } : {}),
      ...FROM_SHELL,
    },
    user,
    volumes: [`${names.literal(clusterFolder)}:${CLUSTER_FOLDER}`],
  });

/** The whole machine is the node's: no limits, and Ray counts CPUs and memory itself. */
function memberService(
  plan: HostPlan,
  node: HostPlan["nodes"][number],
  machine: MemberSettings,
  state: string,
): ComposeService {
  const { words, environment, volumes, ...options } = nodeOptions(plan, node);
  const infiniband = machine.infiniband ? INFINIBAND : undefined;
  return onHost(plan, node.name, {
    ...nodeImage(plan, node.name),
    hostname: node.name,
    command: words.length === 0 ? undefined : ["--", ...words.map(names.literal)],
    environment: {
      ...environment,
      RAY_EP_JOIN_FILE: join(SECRETS_FOLDER, JOIN_TOKEN),
      ...(machine.candidate ? { RAY_EP_CANDIDATE: "1" } : {}),
      ...(machine.interface === undefined ? {} : { RAY_EP_INTERFACE: machine.interface }),
      ...(machine.address === undefined ? {} : { NODE_IP_ADDRESS: machine.address }),
      // The membership says the same; `docker exec … ray status` has it from here.
      ...{ RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: `${names.STATE_FOLDER}/ray-token` },
      RAY_EP_STOP_GRACE: String(STOP_GRACE_S),
      ...FROM_SHELL,
    },
    secrets: [JOIN_TOKEN],
    volumes: [`${state}:${names.STATE_FOLDER}`, ...volumes],
    healthcheck: NODE_HEALTHCHECK,
    stop_grace_period: `${STOP_GRACE_S}s`,
    ...(infiniband ? { ipc: "host" } : { shm_size: bytes(node.limits.shmBytes) }),
    ...options,
    devices: infiniband ? [...(options.devices ?? []), ...infiniband.devices] : options.devices,
    ulimits: infiniband ? { ...infiniband.ulimits, ...options.ulimits } : options.ulimits,
  });
}

/** Its devices, and memory that may be locked without end (NCCL's manual, "Running NCCL in containers"). */
const INFINIBAND = { devices: ["/dev/infiniband"], ulimits: { memlock: -1 } };
