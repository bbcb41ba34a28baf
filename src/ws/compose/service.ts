import type { Settings } from "../config/settings.ts";
import type { ComposeNetwork, ComposeService, Labels, OwnParts } from "./compose-file.ts";
import type { HostPlan } from "./host-plan.ts";
import {
  containerName,
  IMAGE_LABEL,
  networkName,
  PART_LABEL,
  type Part,
  PROJECT_LABEL,
  SOURCE_LABEL,
  VERSION_LABEL,
} from "./names.ts";

/** Each compose file has one network. */
const NETWORKS = { main: "ray-network", test: "test-network" } as const;

/** Docker keeps everything that a container ever said unless told otherwise. */
const BOUNDED_LOG = { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } } as const;

interface Own extends OwnParts {
  /** Its place in its network. */
  readonly address: string;
  /** Another name of it there. */
  readonly alias?: string | undefined;
  /** Names that resolve to the host, from which Docker forwards published ports. */
  readonly viaHost: readonly string[];
}

/** A service with what all of ours have, its keys in the order in which one reads them. */
export const composeService = (
  settings: Settings,
  host: HostPlan,
  part: Part,
  name: string,
  own: Own,
): ComposeService => ({
  image: own.image,
  build: own.build,
  container_name: containerName(settings, name),
  hostname: name,
  command: own.command,
  environment: own.environment,
  depends_on: own.depends_on,
  networks: {
    [NETWORKS[part]]: {
      ipv4_address: own.address,
      aliases: own.alias === undefined ? undefined : [own.alias],
    },
  },
  extra_hosts: own.viaHost.map((each) => `${each}:${host.ipAddress}`),
  ports: own.ports,
  volumes: own.volumes,
  healthcheck: own.healthcheck,
  logging: BOUNDED_LOG,
  init: true,
  stop_grace_period: own.stop_grace_period,
  // A test shows what happens; a restart would hide it.
  restart: part === "main" ? "unless-stopped" : "no",
  cpus: own.cpus,
  mem_limit: own.mem_limit,
  shm_size: own.shm_size,
  deploy: own.deploy,
  read_only: own.read_only,
  cap_drop: own.cap_drop,
  security_opt: own.security_opt,
  labels: labelsOf(settings, part),
});

export const composeNetworks = (settings: Settings, part: Part): Record<string, ComposeNetwork> => ({
  [NETWORKS[part]]: {
    name: networkName(settings, part),
    driver: "bridge",
    ipam: { config: [{ subnet: part === "main" ? settings.subnet : settings.testSubnet }] },
    labels: labelsOf(settings, part),
  },
});

/** Compose would take `$name` for a variable. */
export const literal = (text: string): string => text.replaceAll("$", "$$$$");

export function labelsOf(settings: Settings, part: Part): Labels {
  const { projectName, projectVersion } = settings;
  return {
    [PROJECT_LABEL]: projectName,
    [PART_LABEL]: part,
    ...(projectVersion === undefined ? {} : { [VERSION_LABEL]: literal(projectVersion) }),
  };
}

/** `variable` holds the digest of what the image is built from. */
export const imageLabels = ({ projectName }: Settings, variable: string): Labels => ({
  [IMAGE_LABEL]: projectName,
  [SOURCE_LABEL]: `\${${variable}:-}`,
});
