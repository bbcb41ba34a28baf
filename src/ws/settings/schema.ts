import * as z from "zod";
import * as leaf from "./leaves.ts";

/**
 * The file config.yaml as it is written. It keeps the shape of the original platform, so that its files load.
 * Keys marked "Addition" are ours. Every key may be left out, and so may the file.
 */

const section = <S extends z.ZodRawShape>(shape: S) =>
  z.strictObject(shape, { error: "expected keys with values below them" });

const peerPorts = {
  node_manager_port: leaf.port().optional().describe("Port of the raylet. Computed when left out."),
  object_manager_port: leaf
    .port()
    .optional()
    .describe("Port that objects move through. Computed when left out."),
  min_worker_port: leaf
    .port()
    .optional()
    .describe("First port of the worker processes; Ray takes one port for each. Computed when left out."),
  max_worker_port: leaf
    .port()
    .optional()
    .describe("Last port of the worker processes. Computed when left out."),
};

interface RayDefaults {
  readonly image: string;
  readonly head: number;
  readonly dashboard: number;
  readonly client: number;
}

const rayService = (defaults: RayDefaults) =>
  section({
    enabled: z
      .boolean({ error: "expected true or false" })
      .default(true)
      .describe("false leaves the node out."),
    image: leaf.image().prefault(defaults.image).describe("The Ray image that the node's image is built on."),
    cpus: leaf.cpus().prefault(4).describe("CPUs that Ray counts, and the container's limit."),
    memory: leaf
      .memory()
      .prefault("8g")
      .describe(
        "The container's limit, such as 8g or 8GiB. Ray counts it as memory and object store together.",
      ),
    object_store_memory: leaf
      .memory()
      .optional()
      .describe("Addition: the part of memory for the object store. Left out: 30 %, Ray's own share."),
    ip_address: leaf.ipv4().optional().describe("Addition: the node's address in network.subnet."),
    head_port: leaf.port().prefault(defaults.head).describe("Port of the GCS when this node is the HEAD."),
    dashboard_port: leaf.port().prefault(defaults.dashboard).describe("Port of the dashboard."),
    client_port: leaf.port().prefault(defaults.client).describe("Port of the Ray Client server."),
    node_ip_address: leaf
      .host()
      .optional()
      .describe("What the node tells its peers. Left out: its own name."),
    ...peerPorts,
  }).prefault({});

const project = section({
  name: leaf
    .projectName()
    .prefault("cslr-exp-platform")
    .describe("Prefix of containers, networks and images."),
  version: leaf.label().optional().describe("Put on the containers as a label."),
}).prefault({});

const host = section({
  has_gpu: z
    .boolean({ error: "expected true or false" })
    .optional()
    .describe("Whether ray-gpu gets the GPUs. Left out: looked up on the machine."),
  ip_address: leaf
    .ipv4()
    .optional()
    .describe("This machine's address as containers of the test network reach it. Left out: looked up."),
}).prefault({});

const network = section({
  subnet: leaf.subnet().prefault("172.28.0.0/16").describe("Network of the main cluster."),
}).prefault({});

const nodes = section({
  head_whitelist: z
    .array(leaf.whitelistEntry(), { error: "expected a list such as [ray-cpu, ray-gpu]" })
    .optional()
    .describe(
      "Nodes that may become HEAD, best first: name, name:port or name=host:port. Left out: every enabled node.",
    ),
  head_address: leaf
    .hostPort()
    .optional()
    .describe("Explicit HEAD for every node, host:port. Left out: discovery."),
  health_service: section({
    url: leaf.httpUrl().optional().describe("Left out: this cluster's own health service."),
    timeout: leaf.positiveSeconds().prefault(1).describe("Seconds for one request."),
    max_retries: leaf.retries().prefault(3).describe("How often it is asked before it counts as down."),
    retry_interval: leaf.seconds().prefault(0.5).describe("Seconds between two tries."),
  }).prefault({}),
  cluster: section({
    discovery_timeout: leaf.positiveSeconds().prefault(2).describe("Seconds for one probe of a candidate."),
    wait_for_head: leaf.seconds().prefault(60).describe("Seconds that a WORKER waits for its HEAD."),
  }).prefault({}),
}).prefault({});

const clusterTest = section({
  target: leaf
    .target()
    .optional()
    .describe(
      "HEAD that the test worker joins: a service's name or host:port. Left out: the first candidate.",
    ),
  test_network_subnet: leaf.subnet().prefault("172.30.0.0/24").describe("Network of the test containers."),
  worker_cpus: leaf.cpus().prefault(2).describe("Addition: CPUs of the test worker."),
  worker_memory: leaf.memory().prefault("4g").describe("Addition: memory limit of the test worker."),
  worker_node_manager_port: leaf.port().optional().describe("As services.ray.cpu.node_manager_port."),
  worker_object_manager_port: leaf.port().optional().describe("As services.ray.cpu.object_manager_port."),
  worker_min_worker_port: leaf.port().optional().describe("As services.ray.cpu.min_worker_port."),
  worker_max_worker_port: leaf.port().optional().describe("As services.ray.cpu.max_worker_port."),
}).prefault({});

const services = section({
  health: section({
    enabled: z
      .boolean({ error: "expected true or false" })
      .default(true)
      .describe("false: use nodes.health_service.url."),
    port: leaf.port().prefault(8080).describe("Port in the container and on the host."),
    ip_address: leaf.ipv4().optional().describe("Addition: its address in network.subnet."),
  }).prefault({}),
  ray: section({
    cpu: rayService({ image: "rayproject/ray:latest", head: 6379, dashboard: 8265, client: 10001 }),
    gpu: rayService({ image: "rayproject/ray:latest-gpu", head: 6380, dashboard: 8266, client: 10002 }),
  }).prefault({}),
}).prefault({});

const ray = section({
  version: leaf
    .version()
    .prefault("2.60.0")
    .describe("Addition: the Ray that the embedded runtime installs."),
}).prefault({});

/** What config.yaml may hold. */
export const ConfigFile = section({
  project,
  host,
  network,
  nodes,
  cluster_test: clusterTest,
  services,
  ray,
}).prefault({});

export type ConfigFile = z.output<typeof ConfigFile>;
