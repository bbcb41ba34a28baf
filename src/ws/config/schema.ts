import * as z from "zod";
import { NODE_NAMES, RAY_NODES } from "./nodes.ts";
import * as scalar from "./scalars.ts";

/** For a section whose value is no section. */
const KEYS = { error: "expected keys with values below them" };

function section<S extends z.ZodRawShape>(shape: S) {
  const keys = z.strictObject(shape, KEYS);
  // Every key may be left out, which the type of a generic shape cannot know.
  return z.prefault(keys, {} as z.input<typeof keys>);
}

/** A key that has `fallback`, as the file would spell it, when it is left out. */
const withDefault = <S extends z.ZodType>(value: S, fallback: z.input<S>, description: string) =>
  z.prefault(value, fallback).describe(description);

/** A key whose value is found or computed when it is left out. */
const optional = <S extends z.ZodType>(value: S, example: z.input<S>, description: string) =>
  // Not "examples": zod leaves that out of the JSON Schema of what is transformed.
  value.optional().meta({ description, example });

/** A key of the original platform's files that `ws` does not read: other programs of that platform do. */
const FOREIGN = z
  .unknown()
  .optional()
  .meta({ description: "A key of the original platform, which ws does not read.", deprecated: true });

const FIRST = RAY_NODES[0];
/** What a node has that neither it nor services.ray.defaults describes. */
const USUAL = { cpus: 4, memory: "8g" };

const list = <S extends z.ZodType>(each: S) => z.array(each, { error: "expected a list" });
const files = z.union([scalar.path.transform((path) => [path]), z.array(scalar.path)], {
  error: "expected a file, or a list of files",
});
const build = z.strictObject(
  {
    enabled: withDefault(scalar.onOff, true, "false: the image is there already."),
    context: withDefault(scalar.path, ".", "The folder that the build may copy from."),
    dockerfile: optional(scalar.path, "./Dockerfile", "Left out: the Dockerfile in the context."),
    target: optional(scalar.path, "runtime", "The stage that is wanted. Left out: the last one."),
    args: optional(scalar.variables, { PYTHON: "3.12" }, "Build arguments."),
  },
  KEYS,
);

/** Keys of `services.ray`, of `services.ray.defaults` and of each node; the nearest one counts. */
const baseKeys = {
  image: optional(scalar.image, FIRST.image, "The Ray image, or the name of what is built."),
  build: optional(build, { context: "." }, "Builds the image by your Dockerfile; paths as in docker build."),
};

/** Keys of `services.ray.defaults` and of each node: a node's own value wins, and maps are merged. */
const sharedKeys = {
  ...baseKeys,
  cpus: optional(scalar.cpus, USUAL.cpus, "CPUs that Ray counts, and the container's limit."),
  memory: optional(scalar.memory, USUAL.memory, "The container's limit: memory and object store."),
  object_store_memory: optional(scalar.memory, "2400m", "Addition: for the object store. Left out: 30 %."),
  shm_size: optional(scalar.memory, "2640m", "Size of /dev/shm. Left out: the object store and a tenth."),
  gpus: optional(scalar.gpus, "all", "all, a number, or a list of ids. Left out: none; ray-gpu: all."),
  runtime: optional(scalar.runtime, "nvidia", "nvidia: as gpus: all."),
  resources: optional(scalar.resources, { slots: 2 }, "Custom resources of Ray."),
  labels: optional(scalar.labels, { zone: "a" }, "Labels of the node in Ray."),
  environment: optional(scalar.variables, { HF_HOME: "/models" }, "Variables of the container and of Ray."),
  env_file: optional(files, "./node.env", "Files with such variables; environment wins."),
  volumes: optional(list(scalar.volume), ["./data:/data:ro"], "Folders, files and volumes, as in Compose."),
  devices: optional(list(scalar.path), ["/dev/infiniband"], "Devices of the machine, as in Compose."),
  ulimits: optional(scalar.ulimits, { nofile: 65536 }, "Limits: a number, or soft and hard."),
  pip_requirements: optional(scalar.path, "./requirements.txt", "For pip: a file, or a folder of *.txt."),
  ray_args: optional(list(scalar.label), ["--verbose"], "Further words for ray start."),
};

type Node = Record<"name", string> & Record<"headPort" | "dashboardPort" | "clientPort", number>;

/** A node; what it has is the example of its keys. `ports` begins the example of the ports that are computed. */
const rayNode = (node: Node, ports: number) =>
  section({
    enabled: withDefault(scalar.onOff, true, "false leaves the node out."),
    ...sharedKeys,
    candidate: optional(scalar.onOff, true, "Whether it may be HEAD. Left out: true for cpu and gpu."),
    replicas: optional(scalar.replicas, 3, "So many alike: ray-NAME-1, ray-NAME-2 …; never candidates."),
    ip_address: optional(scalar.ipv4, "172.28.0.9", "Addition: the node's address in network.subnet."),
    head_port: optional(scalar.port, node.headPort, "Port of the GCS when this node is the HEAD."),
    dashboard_port: optional(scalar.port, node.dashboardPort, "Port of the dashboard."),
    client_port: optional(scalar.port, node.clientPort, "Port of the Ray Client server."),
    node_ip_address: optional(scalar.host, node.name, "What it tells its peers. Left out: its own name."),
    node_manager_port: optional(scalar.port, ports, "Port of the raylet. Left out: computed."),
    object_manager_port: optional(scalar.port, ports + 1, "Port for moving objects. Left out: computed."),
    min_worker_port: optional(scalar.port, ports + 2, "First port of its workers. Left out: computed."),
    max_worker_port: optional(scalar.port, ports + 99, "Last port of its workers. Left out: computed."),
  });

const [cpu, gpu] = RAY_NODES.map((node, i) => rayNode(node, 21000 + 100 * i));
const further = rayNode({ name: "ray-NAME", headPort: 6381, dashboardPort: 8267, clientPort: 10003 }, 21200);
export type NodeFile = z.output<typeof further>;

/** `services.ray`: what holds for all nodes, and each node by its key. */
const ray = z
  .object(
    {
      ...baseKeys,
      defaults: section({
        ...sharedKeys,
        cpus: withDefault(scalar.cpus, USUAL.cpus, "CPUs that Ray counts, and the container's limit."),
        memory: withDefault(scalar.memory, USUAL.memory, "The container's limit: memory and object store."),
      }).describe("What every node has that does not say otherwise."),
      ...{ cpu, gpu },
    },
    KEYS,
  )
  .catchall(further)
  .transform(({ image, build, defaults, ...nodes }) => ({
    ...{ image, build, defaults },
    nodes: nodes as Readonly<Record<string, NodeFile>>,
  }));

const gpuNames = RAY_NODES.flatMap(({ gpu, name }) => (gpu ? [name] : [])).join(" and ");

/**
 * What config.yaml may hold, and the one source of its types, its known keys and config.schema.json. It keeps the shape
 * of the original platform, so that its files load; keys marked "Addition" are ours. Every key may be left out, and so may
 * the file.
 */
export const ConfigFile = section({
  project: section({
    name: withDefault(scalar.projectName, "cslr-exp-platform", "Prefix of containers, networks and images."),
    version: optional(scalar.label, "0.1.0", "Put on the containers as a label."),
  }),
  host: section({
    has_gpu: optional(scalar.onOff, false, `Whether ${gpuNames} gets the GPUs. Left out: looked up.`),
    ip_address: optional(scalar.ipv4, "192.168.0.10", "This machine, for containers. Left out: looked up."),
    gpu_type: optional(scalar.gpuType, "nvidia", "nvidia or amd. Left out: looked up."),
    hostname: FOREIGN,
  }),
  auth: withDefault(
    z.enum(["on", "off"], { error: "expected on or off" }),
    "on",
    "Addition: whether Ray requires the cluster's token (Ray 2.52 and later). off: whoever reaches its ports uses it.",
  ),
  network: section({ subnet: withDefault(scalar.subnet, "172.28.0.0/16", "Network of the main cluster.") }),
  nodes: section({
    head_whitelist: optional(
      z.array(scalar.whitelistEntry, { error: `expected a list such as [${NODE_NAMES.join(", ")}]` }),
      [...NODE_NAMES],
      "Nodes that may become HEAD, best first: name, name:port or name=host:port. Left out: every node with candidate: true.",
    ),
    head_address: optional(
      scalar.hostPort,
      `${FIRST.name}:${FIRST.headPort}`,
      "Explicit HEAD for every node, host:port. Left out: discovery.",
    ),
    health_service: section({
      url: optional(scalar.httpUrl, "http://health:8080", "Left out: this cluster's own health service."),
      timeout: withDefault(scalar.positiveSeconds, 1, "Seconds for one request."),
      max_retries: withDefault(scalar.retries, 3, "How often it is asked before it counts as down."),
      retry_interval: withDefault(scalar.seconds, 0.5, "Seconds between two tries."),
    }),
    cluster: section({
      discovery_timeout: withDefault(scalar.positiveSeconds, 2, "Seconds for one probe of a candidate."),
      wait_for_head: withDefault(scalar.seconds, 60, "Seconds that a WORKER waits for its HEAD."),
    }),
  }),
  cluster_test: section({
    target: optional(
      scalar.target,
      FIRST.name,
      "The HEAD: a node or host:port. Left out: the first candidate.",
    ),
    test_network_subnet: withDefault(scalar.subnet, "172.30.0.0/24", "Network of the test containers."),
    worker_cpus: withDefault(scalar.cpus, 2, "Addition: CPUs of the test worker."),
    worker_memory: withDefault(scalar.memory, "4g", "Addition: memory limit of the test worker."),
    worker_node_manager_port: optional(scalar.port, 21200, "The test worker's node_manager_port."),
    worker_object_manager_port: optional(scalar.port, 21201, "The test worker's object_manager_port."),
    worker_min_worker_port: optional(scalar.port, 21202, "The test worker's min_worker_port."),
    worker_max_worker_port: optional(scalar.port, 21299, "The test worker's max_worker_port."),
    worker_cpu_node_manager_port: FOREIGN,
    worker_cpu_object_manager_port: FOREIGN,
    worker_cpu_min_worker_port: FOREIGN,
    worker_cpu_max_worker_port: FOREIGN,
  }),
  services: section({
    health: section({
      enabled: withDefault(scalar.onOff, true, "false: nodes.health_service.url names another."),
      port: withDefault(scalar.port, 8080, "Port on the host. In its network it always answers on 8080."),
      ip_address: optional(scalar.ipv4, "172.28.0.8", "Addition: its address in network.subnet."),
    }),
    ray: z.prefault(ray, {} as z.input<typeof ray>),
    redis: FOREIGN,
    mlflow: FOREIGN,
    marimo: FOREIGN,
  }),
  state: withDefault(
    scalar.state,
    "auto",
    "Addition: none: a HEAD that restarts is a new cluster. auto: from Ray 2.57 on a candidate keeps the cluster's state.",
  ),
  ray: section({
    version: withDefault(scalar.version, "2.60.0", "Addition: the Ray that the embedded runtime installs."),
  }),
  volumes: FOREIGN,
});

export type ConfigFile = z.output<typeof ConfigFile>;
