import * as z from "zod/mini";
import { described, optional, section, withDefault } from "./keys.ts";
import { ray } from "./node-schema.ts";
import { RAY_NODES } from "./nodes.ts";
import * as scalar from "./scalars.ts";

/** A key of the original platform's files that `ws` does not read: other programs of that platform do. */
const FOREIGN = described(z.optional(z.unknown()), {
  description: "A key of the original platform, which ws does not read.",
  deprecated: true,
});

const FIRST = RAY_NODES[0];
const NODE_NAMES = RAY_NODES.map(({ name }) => name);
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
      NODE_NAMES,
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
