import * as z from "zod/mini";
import { described, KEYS, optional, section, withDefault } from "./keys.ts";
import { RAY_NODES } from "./nodes.ts";
import * as scalar from "./scalars.ts";

const FIRST = RAY_NODES[0];
/** What a node has that neither it nor services.ray.defaults describes. */
const USUAL = { cpus: 4, memory: "8g" };

const list = <S extends z.ZodMiniType>(each: S) => z.array(each, { error: "expected a list" });
const files = z.union(
  [
    z.pipe(
      scalar.path,
      z.transform((path: string) => [path]),
    ),
    z.array(scalar.path),
  ],
  {
    error: "expected a file, or a list of files",
  },
);
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

const cpu = rayNode(FIRST, 21000);
const gpu = rayNode(RAY_NODES[1], 21100);
const further = rayNode({ name: "ray-NAME", headPort: 6381, dashboardPort: 8267, clientPort: 10003 }, 21200);
export type NodeFile = z.output<typeof further>;

const defaults = section({
  ...sharedKeys,
  cpus: withDefault(scalar.cpus, USUAL.cpus, "CPUs that Ray counts, and the container's limit."),
  memory: withDefault(scalar.memory, USUAL.memory, "The container's limit: memory and object store."),
});
const everyNode = described(defaults, { description: "What every node has that does not say otherwise." });
const known = z.object({ ...baseKeys, defaults: everyNode, cpu, gpu }, KEYS);
const rayKeys = z.catchall(known, further);

/** `services.ray`: what holds for all nodes, and each node by its key. */
export const ray = z.pipe(
  rayKeys,
  z.transform(({ image, build, defaults, ...nodes }: z.output<typeof rayKeys>) => ({
    ...{ image, build, defaults },
    nodes: nodes as Readonly<Record<string, NodeFile>>,
  })),
);
