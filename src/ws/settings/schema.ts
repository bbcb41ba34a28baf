import * as z from "zod";
import * as leaf from "./leaves.ts";

/**
 * The file config.yaml as it is written. It keeps the shape of the original platform, so that its files load.
 * Keys marked "Addition" are ours. Every key may be left out, and so may the file.
 */

function section<S extends z.ZodRawShape>(shape: S) {
  const keys = z.strictObject(shape, { error: "expected keys with values below them" });
  // Every key may be left out, which the type of a generic shape cannot know.
  return z.prefault(keys, {} as z.input<typeof keys>);
}

/** A key that has `fallback`, as the file would spell it, when it is left out. */
const withDefault = <S extends z.ZodType>(value: S, fallback: z.input<S>, description: string) =>
  z.prefault(value, fallback).describe(description);

/** A key whose value is found or computed when it is left out; the example shows its form. */
const optional = <S extends z.ZodType>(value: S, example: z.input<S>, description: string) =>
  // Not "examples": zod leaves that out of the JSON Schema of what is transformed.
  value.optional().meta({ description, example });

/** A key of the original platform's files that `ws` does not read: other programs of that platform do. */
const foreign = () =>
  z
    .unknown()
    .optional()
    .meta({ description: "A key of the original platform, which ws does not read.", deprecated: true });

const onOff = () => z.boolean({ error: "expected true or false" });

/** The image of a node for which the file names none. */
export const defaultImage = { cpu: "rayproject/ray:latest", gpu: "rayproject/ray:latest-gpu" } as const;

interface RayDefaults {
  readonly name: string;
  readonly image: string;
  readonly head: number;
  readonly dashboard: number;
  readonly client: number;
  readonly peers: number;
}

const rayService = ({ name, image, head, dashboard, client, peers }: RayDefaults) =>
  section({
    enabled: withDefault(onOff(), true, "false leaves the node out."),
    image: optional(
      leaf.image(),
      image,
      `The Ray image that the node's image is built on. Left out: services.ray.image, else ${image}.`,
    ),
    cpus: withDefault(leaf.cpus(), 4, "CPUs that Ray counts, and the container's limit."),
    memory: withDefault(
      leaf.memory(),
      "8g",
      "The container's limit, such as 8g or 8GiB. Ray counts it as memory and object store together.",
    ),
    object_store_memory: optional(
      leaf.memory(),
      "2400m",
      "Addition: the part of memory for the object store. Left out: 30 %, Ray's own share.",
    ),
    ip_address: optional(leaf.ipv4(), "172.28.0.9", "Addition: the node's address in network.subnet."),
    head_port: withDefault(leaf.port(), head, "Port of the GCS when this node is the HEAD."),
    dashboard_port: withDefault(leaf.port(), dashboard, "Port of the dashboard."),
    client_port: withDefault(leaf.port(), client, "Port of the Ray Client server."),
    node_ip_address: optional(leaf.host(), name, "What the node tells its peers. Left out: its own name."),
    node_manager_port: optional(leaf.port(), peers, "Port of the raylet. Left out: computed."),
    object_manager_port: optional(
      leaf.port(),
      peers + 1,
      "Port that objects move through. Left out: computed.",
    ),
    min_worker_port: optional(
      leaf.port(),
      peers + 2,
      "First port of the worker processes; Ray takes one for each. Left out: computed.",
    ),
    max_worker_port: optional(
      leaf.port(),
      peers + 99,
      "Last port of the worker processes. Left out: computed.",
    ),
    runtime: foreign(),
  });

const project = section({
  name: withDefault(leaf.projectName(), "cslr-exp-platform", "Prefix of containers, networks and images."),
  version: optional(leaf.label(), "0.1.0", "Put on the containers as a label."),
});

const host = section({
  has_gpu: optional(onOff(), false, "Whether ray-gpu gets the GPUs. Left out: looked up on the machine."),
  ip_address: optional(
    leaf.ipv4(),
    "192.168.0.10",
    "This machine's address as containers of the test network reach it. Left out: looked up.",
  ),
  gpu_type: foreign(),
  hostname: foreign(),
});

const network = section({
  subnet: withDefault(leaf.subnet(), "172.28.0.0/16", "Network of the main cluster."),
});

const nodes = section({
  head_whitelist: optional(
    z.array(leaf.whitelistEntry(), { error: "expected a list such as [ray-cpu, ray-gpu]" }),
    ["ray-cpu", "ray-gpu"],
    "Nodes that may become HEAD, best first: name, name:port or name=host:port. Left out: every enabled node.",
  ),
  head_address: optional(
    leaf.hostPort(),
    "ray-cpu:6379",
    "Explicit HEAD for every node, host:port. Left out: discovery.",
  ),
  health_service: section({
    url: optional(leaf.httpUrl(), "http://health:8080", "Left out: this cluster's own health service."),
    timeout: withDefault(leaf.positiveSeconds(), 1, "Seconds for one request."),
    max_retries: withDefault(leaf.retries(), 3, "How often it is asked before it counts as down."),
    retry_interval: withDefault(leaf.seconds(), 0.5, "Seconds between two tries."),
  }),
  cluster: section({
    discovery_timeout: withDefault(leaf.positiveSeconds(), 2, "Seconds for one probe of a candidate."),
    wait_for_head: withDefault(leaf.seconds(), 60, "Seconds that a WORKER waits for its HEAD."),
  }),
});

const clusterTest = section({
  target: optional(
    leaf.target(),
    "ray-cpu",
    "HEAD that the test worker joins: a service's name (cpu and gpu for short) or host:port. Left out: the first candidate.",
  ),
  test_network_subnet: withDefault(leaf.subnet(), "172.30.0.0/24", "Network of the test containers."),
  worker_cpus: withDefault(leaf.cpus(), 2, "Addition: CPUs of the test worker."),
  worker_memory: withDefault(leaf.memory(), "4g", "Addition: memory limit of the test worker."),
  worker_node_manager_port: optional(leaf.port(), 21200, "The test worker's node_manager_port."),
  worker_object_manager_port: optional(leaf.port(), 21201, "The test worker's object_manager_port."),
  worker_min_worker_port: optional(leaf.port(), 21202, "The test worker's min_worker_port."),
  worker_max_worker_port: optional(leaf.port(), 21299, "The test worker's max_worker_port."),
  worker_cpu_node_manager_port: foreign(),
  worker_cpu_object_manager_port: foreign(),
  worker_cpu_min_worker_port: foreign(),
  worker_cpu_max_worker_port: foreign(),
});

const services = section({
  health: section({
    enabled: withDefault(onOff(), true, "false: nodes.health_service.url names another."),
    port: withDefault(
      leaf.port(),
      8080,
      "Port on the host. In its network the service always answers on 8080.",
    ),
    ip_address: optional(leaf.ipv4(), "172.28.0.8", "Addition: its address in network.subnet."),
  }),
  ray: section({
    image: optional(leaf.image(), defaultImage.cpu, "The Ray image of each node that does not name its own."),
    build: foreign(),
    cpu: rayService({
      name: "ray-cpu",
      image: defaultImage.cpu,
      head: 6379,
      dashboard: 8265,
      client: 10001,
      peers: 21000,
    }),
    gpu: rayService({
      name: "ray-gpu",
      image: defaultImage.gpu,
      head: 6380,
      dashboard: 8266,
      client: 10002,
      peers: 21100,
    }),
  }),
  redis: foreign(),
  mlflow: foreign(),
  marimo: foreign(),
});

const ray = section({
  version: withDefault(leaf.version(), "2.60.0", "Addition: the Ray that the embedded runtime installs."),
});

/** What config.yaml may hold. */
export const ConfigFile = section({
  project,
  host,
  network,
  nodes,
  cluster_test: clusterTest,
  services,
  ray,
  volumes: foreign(),
});

export type ConfigFile = z.output<typeof ConfigFile>;
