import { nodeNames } from "../derive-nodes.ts";
import type { NodeFile } from "../node-schema.ts";
import type { ConfigFile } from "../schema.ts";
import { nearest } from "../validate.ts";
import { pairs, type Rules } from "./rule.ts";

/** Keys of `services.ray` that are no nodes. */
const RESERVED = ["image", "build", "defaults"];
const NOT_OF_REPLICAS =
  `candidate ip_address node_ip_address head_port dashboard_port client_port node_manager_port object_manager_port
  min_worker_port max_worker_port`.split(/\s+/);

/** What ws tells each node, and where config.yaml has it. */
const TOLD: Readonly<Record<string, string>> = {
  HEAD_WHITELIST: "nodes.head_whitelist",
  HEAD_ADDRESS: "nodes.head_address",
  HEAD_ADDRESS_CFG: "nodes.head_address",
  HEALTH_URL: "nodes.health_service.url",
  HEALTH_TIMEOUT: "nodes.health_service.timeout",
  HEALTH_MAX_RETRIES: "nodes.health_service.max_retries",
  HEALTH_RETRY_INTERVAL: "nodes.health_service.retry_interval",
  DISCOVERY_TIMEOUT: "nodes.cluster.discovery_timeout",
  WAIT_FOR_HEAD: "nodes.cluster.wait_for_head",
  RAY_HEAD_PORT: "the node's head_port",
  RAY_DASHBOARD_PORT: "the node's dashboard_port",
  RAY_CLIENT_PORT: "the node's client_port",
  NODE_IP_ADDRESS: "the node's node_ip_address",
  NODE_MANAGER_PORT: "the node's node_manager_port",
  OBJECT_MANAGER_PORT: "the node's object_manager_port",
  MIN_WORKER_PORT: "the node's min_worker_port",
  MAX_WORKER_PORT: "the node's max_worker_port",
  RAY_NUM_CPUS: "the node's cpus",
  RAY_MEMORY: "the node's memory",
  RAY_EP_PIP_REQUIREMENTS: "the node's pip_requirements",
  RAY_AUTH_MODE: "auth",
};
/** What ws keeps to itself. */
const OWN =
  /^(?:RAY_AUTH_TOKEN|RAY_EP_(?:HEALTH_TOKEN|NODE_NAME|STOP_GRACE|STATUS_FILE|ALIVE_FILE|LOG)(?:_|$))/;

/** By the key below `services`. */
const sectionsOf = ({ services: { ray } }: ConfigFile): [string, Partial<NodeFile>][] => [
  ["ray.defaults", ray.defaults],
  ...Object.entries(ray.nodes).map(([key, node]): [string, NodeFile] => [`ray.${key}`, node]),
];

/** What one node is, whatever the others are. */
export const NODE_RULES: Rules = {
  *nodesHaveNames({ config, settings }) {
    for (const { key, names } of nodeNames(config)) {
      const near = nearest(key, RESERVED);
      if (!/^[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?$/.test(key))
        yield {
          keys: [`services.ray.${key}`],
          problem: `expected lower-case letters, digits and '-' in a node's name, got ${JSON.stringify(key)}`,
          fix: "Its hostname is that with ray- in front.",
        };
      else if (near !== undefined)
        yield {
          keys: [`services.ray.${key}`],
          warning: true,
          problem: `is a node of its own, ${names[0]}`,
          fix: `Did you mean services.ray.${near}?`,
        };
    }
    for (const [first, second] of pairs(settings.nodes))
      if (first.name === second.name)
        yield {
          keys: [second.keyPrefix.slice(0, -1), first.keyPrefix.slice(0, -1)],
          problem: `expected a name of its own, got ${second.name} again`,
          fix: "Choose another name for one of the two.",
        };
  },

  /** What only one node can have. */
  *replicasAreAlike({ config, isWritten }) {
    for (const { key } of nodeNames(config).filter(({ key, names: [name] }) => name !== `ray-${key}`))
      for (const name of NOT_OF_REPLICAS)
        if (isWritten(`services.ray.${key}.${name}`))
          yield {
            keys: [`services.ray.${key}.${name}`, `services.ray.${key}.replicas`],
            problem: `expected only what replicas can share, got ${name}, which is one node's own`,
            fix: "Leave it out, or describe each of these nodes by itself.",
          };
  },

  /** A node that was told something else would not belong to this cluster. */
  *environmentIsTheUsers({ config }) {
    for (const [section, { environment = {} }] of sectionsOf(config))
      for (const name of Object.keys(environment).filter((each) => each in TOLD || OWN.test(each)))
        yield {
          keys: [`services.${section}.environment.${name}`],
          problem: "expected a variable of the user's, got one that ws sets for each node",
          fix: name in TOLD ? `Write ${TOLD[name]} instead.` : "Remove it.",
        };
  },

  /** An engine would make a folder of that name. What a build needs, docker build itself names. */
  *filesAreThere({ config, isThere }) {
    for (const [section, { env_file = [], pip_requirements }] of sectionsOf(config))
      for (const [key, path] of [
        ...env_file.map((path) => ["env_file", path]),
        ["pip_requirements", pip_requirements],
      ])
        if (path !== undefined && !isThere(path))
          yield {
            keys: [`services.${section}.${key}`],
            problem: `expected a file or folder beside config.yaml, got ${path}, which is not there`,
            fix: "Correct the path; it is relative to the folder of config.yaml.",
          };
  },

  /** Two volumes of one name would be one. */
  *volumesAreTheUsers({ config, settings }) {
    const own = ["health", ...settings.nodes.map(({ name }) => name)].map((name) => `${name}-state:`);
    for (const [section, { volumes = [] }] of sectionsOf(config))
      if (volumes.some((volume) => own.some((each) => volume.startsWith(each))))
        yield {
          keys: [`services.${section}.volumes`],
          problem: "expected volumes of the user's, got one in which ws keeps a service's state",
          fix: "Give the volume another name.",
        };
  },
};
