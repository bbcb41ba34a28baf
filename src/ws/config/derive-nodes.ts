import { loopbackTwin, nthAddress } from "./ipv4.ts";
import type { NodeFile } from "./node-schema.ts";
import { RAY_NODES } from "./nodes.ts";
import type { ConfigFile } from "./schema.ts";

export type NodeSettings = ReturnType<typeof deriveNodes>[number];
/** What the nodes of the main cluster and the test worker have in common. */
export type WorkerSettings = ReturnType<typeof deriveWorker>;
/** What a node's image is made from: a Ray image, or a Dockerfile of the user's whose result gets that name. */
export type BaseImage = NodeSettings["base"];
/** Ports that peers dial and that have to be known in advance across NAT; undefined: the port plan chooses. */
export type PeerPorts = WorkerSettings["peerPorts"];

/** Ray's default for the object store (ray/_private/ray_constants.py, 2.40 to 2.60). */
export const OBJECT_STORE_SHARE = 0.3;
/** The place of the first node (docs/specification.md), after the gateway's .1 and the health service's. */
const FIRST_PLACE = 3;

/** The address in a Docker network, and its twin with 127 in front, where the embedded runtime puts the service. */
export const placeAt = (address: string) => ({ address, loopbackAddress: loopbackTwin(address) });

const tableOf = (key: string) => RAY_NODES.find((each) => each.key === key);

/** The names of the nodes of each key, those that are switched off included: ray-KEY, or ray-KEY-1 … of replicas. */
export const nodeNames = ({ services: { ray } }: ConfigFile) =>
  Object.entries(ray.nodes).map(([key, { enabled, replicas }]) => ({
    key,
    enabled,
    names:
      replicas === undefined
        ? [`ray-${key}`]
        : Array.from({ length: replicas }, (_, i) => `ray-${key}-${i + 1}`),
  }));

/** Every node that is switched on, in the order of the file: first those of the table. */
export function deriveNodes(config: ConfigFile) {
  const { network, services } = config;
  const headPortsOf = headPortPlanner(config);
  let place = FIRST_PLACE;
  return nodeNames(config).flatMap(({ key, enabled, names }) => {
    const keys = services.ray.nodes[key];
    const first = place;
    place += names.length;
    const ports = headPortsOf(key);
    if (!enabled || keys === undefined) return [];
    return names.map((name, i) => {
      const address = keys.ip_address ?? nthAddress(network.subnet, first + i);
      return { ...deriveNode(config, key, keys, name, address), ...ports };
    });
  });
}

/** The node that a machine runs which is a member of a cluster of several machines: what `services.ray.defaults` says. */
export const deriveMemberNode = (config: ConfigFile) => ({
  ...deriveNode(config, "defaults", {} as NodeFile, "member", nthAddress(config.network.subnet, FIRST_PLACE)),
  ...gpusOf(config.services.ray.defaults, true),
  ...NONE,
});

function deriveNode(config: ConfigFile, key: string, own: NodeFile, name: string, address: string) {
  const { project, services } = config;
  const { defaults } = services.ray;
  const { cpus = defaults.cpus, memory = defaults.memory, replicas, candidate } = own;
  const keys = { ...defaults, ...own, cpus, memory };
  const table = tableOf(key);
  const { image: usual } = table ?? RAY_NODES[0];
  const base = baseOf([own, defaults, services.ray], usual, `${project.name}-${key}-base`);
  return {
    ...deriveWorker(name, address, `services.ray.${key}.`, keys),
    ...optionsOf(keys, defaults, own),
    ...gpusOf(keys, table?.gpu === true),
    isReplica: replicas !== undefined,
    /** Whether it may become HEAD where no whitelist says so. */
    isCandidate: replicas === undefined && (candidate ?? table !== undefined),
    base,
    /** What is written and means something in containers only. */
    containerKeys: [
      ...(base.image === usual ? [] : ["image"]),
      ...CONTAINER_KEYS.filter((name) => keys[name] !== undefined),
    ],
    /** What the node tells its peers: a name that each network resolves in its own way. */
    nodeIpAddress: own.node_ip_address ?? name,
  };
}

/** `keys`: the node's own over the defaults; of maps both count. */
const optionsOf = (keys: Shared, defaults: Shared, own: Shared) => ({
  resources: { ...defaults.resources, ...own.resources },
  labels: { ...defaults.labels, ...own.labels },
  environment: { ...defaults.environment, ...own.environment },
  ulimits: { ...defaults.ulimits, ...own.ulimits },
  envFiles: keys.env_file ?? [],
  volumes: keys.volumes ?? [],
  devices: keys.devices ?? [],
  rayArgs: keys.ray_args ?? [],
  shmBytes: keys.shm_size,
  pipRequirements: keys.pip_requirements,
});
type Shared = Omit<ConfigFile["services"]["ray"]["defaults"], "cpus" | "memory">;

/** `gpus`: of the machine's GPUs all, so many, or those; undefined: none. */
function gpusOf({ gpus, runtime }: Shared, usual: boolean) {
  const wanted = gpus ?? (usual || runtime === "nvidia" ? "all" : 0);
  return { gpus: wanted === 0 ? undefined : wanted, asksForGpus: (gpus ?? 0) !== 0 };
}

/** The nearest section that says something about the image. `name`: of what is built without one. */
function baseOf(sections: readonly Pick<NodeFile, "image" | "build">[], usual: string, name: string) {
  const { image, build } = sections.find((each) => each.image ?? each.build) ?? {};
  const isBuilt = build?.enabled === true;
  return { image: image ?? (isBuilt ? name : usual), build: isBuilt ? build : undefined };
}

/** The ports that each node has as HEAD: of a node that is not in the table the next three that nothing in the file has. */
function headPortPlanner({ nodes: { head_whitelist, head_address }, services: { ray } }: ConfigFile) {
  const ofTable = RAY_NODES.map(({ headPort, dashboardPort, clientPort }) => [
    headPort,
    dashboardPort,
    clientPort,
  ]);
  const ofFile = Object.values(ray.nodes).map((each) => [
    each.head_port,
    each.dashboard_port,
    each.client_port,
  ]);
  const taken = [...ofTable, ...ofFile].flat();
  const named = [...(head_whitelist ?? []).map(({ name }) => name), head_address?.host];
  let step = 0;
  const next = (): readonly number[] => {
    step += 1;
    const ports = (ofTable[0] ?? []).map((port) => port + step);
    return ports.some((port) => taken.includes(port)) ? next() : ports;
  };
  return (key: string) => {
    const own = ray.nodes[key];
    const place = RAY_NODES.findIndex((each) => each.key === key);
    const mayLead = place >= 0 || own?.candidate === true || named.includes(`ray-${key}`);
    if (own === undefined || own.replicas !== undefined || !mayLead) return NONE;
    const [head, dashboard, client] = ofTable[place] ?? next();
    return {
      headPort: own.head_port ?? head,
      dashboardPort: own.dashboard_port ?? dashboard,
      clientPort: own.client_port ?? client,
    };
  };
}

const CONTAINER_KEYS = ["build", "gpus", "volumes", "devices", "ulimits", "shm_size"] as const;

/** Of a node that never leads. */
const NONE = { headPort: undefined, dashboardPort: undefined, clientPort: undefined };

type WorkerKeys = Pick<ConfigFile["services"]["ray"]["defaults"], "cpus" | "memory"> & Partial<NodeFile>;

/** `keyPrefix` stands in front of the names of its keys in config.yaml: `services.ray.cpu.` */
export function deriveWorker(name: string, address: string, keyPrefix: string, keys: WorkerKeys) {
  const { cpus, memory, min_worker_port: min, max_worker_port: max } = keys;
  return {
    ...placeAt(address),
    name,
    keyPrefix,
    cpus,
    /** The container's limit; `objectStoreBytes` is part of it. */
    memoryBytes: memory,
    objectStoreBytes: keys.object_store_memory ?? Math.floor(memory * OBJECT_STORE_SHARE),
    peerPorts: {
      nodeManager: keys.node_manager_port,
      objectManager: keys.object_manager_port,
      workers: min === undefined || max === undefined ? undefined : { min, max },
    },
  };
}
