import { describe, expect, test } from "vitest";
import type { NodeInfo } from "../../common/gcs/client.ts";
import { err, ok } from "../../common/result.ts";
import { readSettings } from "../settings.ts";
import { clusterFindings } from "./cluster.ts";
import type { DockerFacts, DoctorFacts, MachineFacts, ServiceFacts } from "./facts.ts";
import { machineFindings } from "./machine.ts";

const GIB = 2 ** 30;

function settings(yaml = "") {
  const read = readSettings(yaml, "config.yaml");
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value.settings;
}

const machine: MachineFacts = {
  node: "v24.0.0",
  python: ok("Python 3.12.0"),
  engine: ok("28.0.0"),
  compose: ok("docker compose"),
  host: {
    cpus: 16,
    memoryBytes: 64 * GIB,
    hasGpu: false,
    ipAddress: "10.0.0.5",
    ephemeralPorts: { min: 32768, max: 60999 },
  },
  addresses: ["127.0.0.1", "10.0.0.5"],
  sharedMemoryBytes: 32 * GIB,
  disks: [{ folder: "/", freeBytes: 100 * GIB }],
};

const service = (name: string, change: Partial<ServiceFacts> = {}): ServiceFacts => ({
  service: name,
  hostname: name,
  status: "running",
  running: true,
  log: "✓ Health service is up at http://health:8080\n",
  ...change,
});

const node = (name: string, change: Partial<NodeInfo> = {}): NodeInfo => ({
  nodeId: name,
  name,
  hostname: name,
  address: name,
  port: 1,
  alive: true,
  isHead: name === "ray-cpu",
  resources: {},
  agentPort: 0,
  startedAtMs: 0,
  ...change,
});

const head = (port: number) =>
  ({
    kind: "ray-gcs",
    address: { host: "127.0.0.1", port },
    ms: 1,
    version: "2.60.0",
    clusterId: "ab",
  }) as const;

const docker: DockerFacts = {
  networks: [],
  ports: [],
  missingImages: [],
  services: ["health", "ray-cpu", "ray-gpu", "test-ray-worker"].map((name) => service(name)),
  heads: [head(6379)],
  nodes: ["ray-cpu", "ray-gpu", "test-ray-worker"].map((name) => node(name)),
};

const facts = (change: Partial<DoctorFacts> = {}): DoctorFacts => ({
  settings: settings(),
  machine,
  docker,
  ...change,
});
const wrong = (all: ReturnType<typeof machineFindings>) =>
  all.filter(({ state }) => state === "bad").map(({ topic, saw }) => `${topic}: ${saw}`);

describe("a machine and a cluster without fault", () => {
  test("nothing is wrong", () => {
    expect(wrong(machineFindings(facts()))).toEqual([]);
    expect(wrong(clusterFindings(facts()))).toEqual([]);
  });

  test("no engine is a note, since the embedded runtime needs none; then Python must be there", () => {
    const without = { ...machine, engine: err("Cannot connect"), python: err("no python3") };
    expect(wrong(machineFindings(facts({ machine: without, docker: undefined })))).toEqual([
      "Python: no python3",
    ]);
  });
});

describe("what stands in the way on the machine", () => {
  test.each<[string, Partial<MachineFacts>, string]>([
    ["no compose", { compose: err("there is neither") }, "Compose: there is neither"],
    [
      "a full disk",
      { disks: [{ folder: "/var", freeBytes: GIB }] },
      "Disk: 1.0 GiB free for /var, less than 10.0 GiB",
    ],
    ["no address", { host: { ...machine.host, ipAddress: undefined } }, "Host address: none was found"],
  ])("%s", (_, change, expected) => {
    expect(wrong(machineFindings(facts({ machine: { ...machine, ...change } })))).toEqual([expected]);
  });

  test("a subnet that another network has, with its name", () => {
    const networks = [{ name: "theirs", subnets: ["172.28.5.0/24"] }];
    const found = machineFindings(facts({ docker: { ...docker, networks } }));
    expect(wrong(found)).toEqual([
      "Subnets: network.subnet 172.28.0.0/16 meets 172.28.5.0/24 of the engine's network theirs",
    ]);
  });

  test("a GPU that config.yaml wants and the machine lacks", () => {
    const found = machineFindings(facts({ settings: settings("host: { has_gpu: true }") }));
    expect(wrong(found)).toEqual(["GPU: host.has_gpu is true, and no NVIDIA GPU was found"]);
  });
});

describe("the specification's troubleshooting section, case by case", () => {
  const found = (change: Partial<DockerFacts>, yaml = "") =>
    wrong(clusterFindings(facts({ settings: settings(yaml), docker: { ...docker, ...change } })));
  const withService = (name: string, change: Partial<ServiceFacts>) => ({
    services: [...docker.services.filter((each) => each.service !== name), service(name, change)],
  });

  test("test-ray-worker starts as HEAD", () => {
    const [first] = found(withService("test-ray-worker", { log: "Mode: head\n" }));
    expect(first).toBe("test-ray-worker: it started as HEAD: HEAD_ADDRESS names it, or it was not told one");
  });

  test("python3: command not found", () => {
    const change = withService("test-ray-client", { log: "bash: line 1: python3: command not found" });
    expect(found(change)).toEqual(["test-ray-client: python3 is not found in its PATH"]);
  });

  test("not in the whitelist, though it is: the hostname differs", () => {
    expect(found(withService("ray-gpu", { hostname: "ray-gpu1" }))).toEqual([
      "ray-gpu: its hostname ray-gpu1 is not in the whitelist ray-cpu, ray-gpu; the nearest is ray-gpu",
    ]);
  });

  test.each([
    ["the health service does not run", withService("health", { running: false, status: "exited" })],
    [
      "ray-gpu does not reach the health service",
      withService("ray-gpu", { log: "✗ Health service is down at x" }),
    ],
    ["each was started without knowing of the other", {}],
  ])("ray-gpu becomes a HEAD of its own: %s", (why, change) => {
    const all = found({ ...change, heads: [head(6379), head(6380)] });
    expect(all.find((each) => each.startsWith("HEAD: "))).toContain(
      `2 of them, at 127.0.0.1:6379 and 127.0.0.1:6380: ${why}`,
    );
  });

  test("a node that ended, and one that the GCS has lost", () => {
    const nodes = docker.nodes.map((each) => (each.name === "ray-gpu" ? { ...each, alive: false } : each));
    expect(found({ nodes })).toEqual(["ray-gpu: its container runs, and the GCS lists it as DEAD"]);
    const ended = withService("ray-cpu", { running: false, status: "exited", log: "a\n✗ Exit code 75\n" });
    expect(found(ended)).toEqual(["ray-cpu: its container is exited; its last word: ✗ Exit code 75"]);
  });
});
