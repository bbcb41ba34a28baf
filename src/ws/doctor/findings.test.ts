import { describe, expect, test } from "vitest";
import { DOWN_EVENT, EVENTS, waiting } from "../../../test/fixtures/events.ts";
import { EVERY_FAILURE } from "../../../test/fixtures/failures.ts";
import { settingsOf as settings } from "../../../test/fixtures/settings.ts";
import { statusOf } from "../../../test/fixtures/status.ts";
import { err, ok } from "../../common/result.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import { clusterFindings } from "./cluster.ts";
import type { ClusterFacts, DockerFacts, DoctorFacts, MachineFacts } from "./look.ts";
import { machineFindings } from "./machine.ts";

type ServiceFacts = Extract<ClusterFacts["services"], { ok: true }>["value"][number];
const GIB = 2 ** 30;

const ENGINE = { version: "28.0.0", warnings: [], elsewhere: undefined, gpuToolkit: true };
const machine: MachineFacts = {
  node: "v24.0.0",
  python: ok("Python 3.12.0"),
  engine: ok(ENGINE),
  compose: ok({ words: ["docker", "compose"], version: "5.5.0" }),
  host: {
    cpus: 16,
    memoryBytes: 64 * GIB,
    hasGpu: false,
    amdGroups: [],
    ipAddress: "10.0.0.5",
    ephemeralPorts: { min: 32768, max: 60999 },
  },
  addresses: ["127.0.0.1", "10.0.0.5"],
  routes: [{ device: "eth0", subnet: "10.0.0.0/24" }],
  sharedMemoryBytes: 32 * GIB,
  disks: [{ folder: "/", freeBytes: 100 * GIB }],
};

const service = (name: string, change: Partial<ServiceFacts> = {}): ServiceFacts => ({
  name,
  hostname: name,
  status: "running",
  running: true,
  isNode: !["health", "test-ray-client"].includes(name),
  log: "all is well\n",
  nodeStatus: statusOf(name, [EVENTS.health]),
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
  metricsPort: 0,
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
  networks: ok([]),
  ports: [],
  missingImages: [],
};

const services = ["health", "ray-cpu", "ray-gpu", "test-ray-worker"].map((name) => service(name));
const cluster: ClusterFacts = {
  runtime: "docker",
  noun: "container",
  services: ok(services),
  noHead: { reason: "nobody" },
  heads: [head(6379)],
  nodes: ["ray-cpu", "ray-gpu", "test-ray-worker"].map((name) => node(name)),
  reported: new Map(),
};

const facts = (change: Partial<DoctorFacts> = {}): DoctorFacts => ({
  settings: settings(),
  machine,
  docker,
  cluster,
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

test("a member that its health service does not know has to join again", () => {
  const unknown = service("ray-gpu", { nodeStatus: statusOf("ray-gpu", [EVENTS.known]) });
  const all = { ...cluster, services: ok([unknown]) };
  expect(clusterFindings(facts({ cluster: all })).find(({ fix }) => fix.includes("ws leave"))).toMatchObject({
    ...{ topic: "ray-gpu", state: "bad", fix: "Join again: ./ws leave, then ./ws join TOKEN." },
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
    [
      "a compose of long ago",
      { compose: ok({ words: ["docker-compose"], version: "1.25.5" }) },
      "Compose: docker-compose 1.25.5 is too old, at least 1.29 is needed",
    ],
    [
      "a LAN that has part of the subnet",
      { routes: [{ device: "tun0", subnet: "172.28.7.0/24" }] },
      "Subnets: network.subnet 172.28.0.0/16 overlaps 172.28.7.0/24, which this machine reaches through tun0 (a LAN or a VPN)",
    ],
    ["no address", { host: { ...machine.host, ipAddress: undefined } }, "Host address: none was found"],
  ])("%s", (_, change, expected) => {
    expect(wrong(machineFindings(facts({ machine: { ...machine, ...change } })))).toEqual([expected]);
  });

  test("E10 names the network that has the subnet, and does not advise to remove one that is in use", () => {
    const found = (inUse: boolean, project?: string) => {
      const theirs = { kind: "network", name: "theirs", ports: [], subnets: ["172.28.5.0/24"] } as const;
      const networks = ok([{ ...theirs, inUse, project }]);
      return machineFindings(facts({ docker: { ...docker, networks } })).find(({ state }) => state === "bad");
    };
    expect(found(true)).toMatchObject({
      saw: "network.subnet 172.28.0.0/16 overlaps 172.28.5.0/24 of the engine's network theirs",
      fix: "Set another network.subnet.",
    });
    expect(found(false, "other")?.fix).toBe("Set another network.subnet.");
    expect(found(false)?.fix).toContain("which no container uses: docker network rm theirs");
  });

  test("a VPN that has both subnets", () => {
    const routes = [{ device: "tun0", subnet: "172.16.0.0/12" }];
    const found = wrong(machineFindings(facts({ machine: { ...machine, routes } })));
    expect(found).toHaveLength(2);
    expect(found[1]).toContain("cluster_test.test_network_subnet 172.30.0.0/24 overlaps 172.16.0.0/12");
  });

  test("a port that something else holds", () => {
    const ports = [{ where: "ray-cpu, dashboard", problem: "8265 is in use", fix: "Set another." }];
    const found = machineFindings(facts({ docker: { ...docker, ports } }));
    expect(wrong(found)).toEqual(["Ports: ray-cpu, dashboard: 8265 is in use"]);
  });

  test.each<[string, string, boolean, string[]]>([
    [
      "without a toolkit",
      "",
      false,
      [
        "GPU: an NVIDIA GPU, and the engine cannot give it to containers: there is no NVIDIA container toolkit",
      ],
    ],
    ["with a toolkit", "", true, []],
    ["that nobody wants", "host: { has_gpu: false }", false, []],
    ["without ray-gpu", "services: { ray: { gpu: { enabled: false } } }", false, []],
  ])("a GPU %s", (_, yaml, gpuToolkit, expected) => {
    const host = { ...machine.host, hasGpu: true };
    const engine = ok({ ...ENGINE, gpuToolkit });
    const given = facts({ settings: settings(yaml), machine: { ...machine, host, engine } });
    expect(wrong(machineFindings(given))).toEqual(expected);
  });

  test("a GPU that config.yaml wants and the machine lacks", () => {
    const found = machineFindings(facts({ settings: settings("host: { has_gpu: true }") }));
    expect(wrong(found)).toEqual([
      "GPU: host.has_gpu is true, and no NVIDIA GPU was found: ray-gpu runs without one",
    ]);
  });
});

describe("what works, and one should know", () => {
  const notes = (change: Partial<DoctorFacts>) =>
    machineFindings(facts(change))
      .filter(({ state }) => state === "note")
      .map(({ topic, saw }) => `${topic}: ${saw}`);

  test("nothing on a machine without fault", () => expect(notes({})).toEqual([]));

  test.each<[string, Partial<MachineFacts>, string]>([
    ["a small /dev/shm", { sharedMemoryBytes: GIB }, "/dev/shm: 1.0 GiB, and the object stores need 4.8 GiB"],
    [
      "fewer CPUs than wanted",
      { host: { ...machine.host, cpus: 2 } },
      "CPUs and memory: 2 CPUs, 64.0 GiB of memory; ray-cpu: 4 CPUs wanted, and this machine has 2: the container gets 2, Ray still counts 4",
    ],
    [
      "less memory than wanted",
      { host: { ...machine.host, memoryBytes: 6 * GIB } },
      "CPUs and memory: 16 CPUs, 6.0 GiB of memory; ray-cpu: 8.0 GiB of memory wanted, and this machine has 6.0 GiB: the container and Ray get that",
    ],
  ])("%s", (_, change, expected) => {
    const found = notes({ machine: { ...machine, ...change } });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  test("an address of another machine", () => {
    expect(notes({ settings: settings("host: { ip_address: 192.0.2.7 }") })).toEqual([
      "Host address: 192.0.2.7 is not one of this machine's addresses (127.0.0.1, 10.0.0.5)",
    ]);
  });

  test("images that are not here", () => {
    expect(notes({ docker: { ...docker, missingImages: ["rayproject/ray:latest"] } })).toEqual([
      "Images: rayproject/ray:latest is not here yet",
    ]);
  });
});

describe("the specification's troubleshooting section, case by case", () => {
  const found = (change: Partial<ClusterFacts>, yaml = "") =>
    wrong(clusterFindings(facts({ settings: settings(yaml), cluster: { ...cluster, ...change } })));
  const withService = (name: string, change: Partial<ServiceFacts>) => ({
    services: ok([...services.filter((each) => each.name !== name), service(name, change)]),
  });

  test("test-ray-worker starts as HEAD", () => {
    const [first] = found(
      withService("test-ray-worker", { nodeStatus: statusOf("test-ray-worker", [EVENTS.decision]) }),
    );
    expect(first).toBe("test-ray-worker: it started as HEAD: HEAD_ADDRESS names it or is not set");
  });

  test("test-ray-worker starts as HEAD, since it is a candidate", () => {
    const yaml = "nodes: { head_whitelist: [ray-cpu, ray-gpu, 'test-ray-worker:6379'] }";
    const [first] = found(
      withService("test-ray-worker", { nodeStatus: statusOf("test-ray-worker", [EVENTS.decision]) }),
      yaml,
    );
    expect(first).toBe("test-ray-worker: it started as HEAD: it is in nodes.head_whitelist");
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

  test("a node that is meant to be a worker is no candidate, however near its name is to one", () => {
    const yaml = "services: { ray: { gpu: { enabled: false }, big: {} } }";
    const big = { services: ok([service("ray-cpu", {}), service("ray-big", {})]) };
    const about = ({ topic, saw }: { topic: string; saw: string }) =>
      topic === "ray-big" && /whitelist|candidate/.test(saw);
    const all = clusterFindings(facts({ settings: settings(yaml), cluster: { ...cluster, ...big } }));
    expect(all.filter(about)).toEqual([]);
  });

  test("not in the whitelist: an entry of it is mistyped", () => {
    const yaml = "nodes: { head_whitelist: [ray-cpu, ray-gpo] }";
    expect(found({}, yaml)).toContain(
      "ray-gpu: its hostname ray-gpu is not in the whitelist ray-cpu, ray-gpo; the nearest is ray-gpo",
    );
  });

  test.each([
    ["the health service does not run", withService("health", { running: false, status: "exited" })],
    [
      "ray-gpu does not reach the health service",
      withService("ray-gpu", { nodeStatus: statusOf("ray-gpu", [DOWN_EVENT]) }),
    ],
    ["each was started without knowing of the other", {}],
  ])("ray-gpu becomes a HEAD of its own: %s", (why, change) => {
    const all = found({ ...change, heads: [head(6379), head(6380)] });
    expect(all.find((each) => each.startsWith("HEAD: "))).toContain(
      `2 of them, at 127.0.0.1:6379 and 127.0.0.1:6380: ${why}`,
    );
  });

  test("a node that ended, and one that the GCS has lost", () => {
    const nodes = cluster.nodes.map((each) => (each.name === "ray-gpu" ? { ...each, alive: false } : each));
    expect(found({ nodes })).toEqual(["ray-gpu: it runs, and the GCS lists it as DEAD"]);
    const ended = withService("ray-cpu", { running: false, status: "exited", log: "a\n✗ Exit code 75\n" });
    expect(found(ended)).toEqual(["ray-cpu: its container is exited; its last line: ✗ Exit code 75"]);
  });

  test("a node that says why it is late, why it ended, and what it went through", () => {
    const fixes = (name: string, change: Partial<ServiceFacts>, nodes = cluster.nodes) =>
      clusterFindings(facts({ cluster: { ...cluster, nodes, ...withService(name, change) } }))
        .filter(({ topic }) => topic === name)
        .map(({ saw, fix }) => `${saw} → ${fix}`)
        .join();
    const late = { nodeStatus: statusOf("ray-gpu", [DOWN_EVENT, waiting()]) };
    expect(fixes("ray-gpu", late, [])).toContain(
      "does not list it; it has waited since 1970-01-01T00:00:02Z",
    );
    expect(fixes("ray-gpu", late, [])).toContain("the health service http://health:8080 does not answer");
    const failed = statusOf("ray-cpu", [{ ...EVENTS.failed, failure: EVERY_FAILURE["port-taken"] }]);
    expect(fixes("ray-cpu", { running: false, nodeStatus: failed })).toContain(
      "Likely cause: a port is in use",
    );
    const restarted = { nodeStatus: statusOf("ray-gpu", [EVENTS.trouble, EVENTS.state]) };
    expect(fixes("ray-gpu", restarted)).toContain(
      "WORKER, ALIVE (Ray unknown, ray-entrypoint 0.1.0, restarts of Ray: 1, the last for agent-gone at 1970-01-01T00:00:02Z)",
    );
  });

  test("E11 names services of config.yaml that do not run, with the fix", () => {
    const without = (name: string) => ({ services: ok(services.filter((each) => each.name !== name)) });
    expect(found(without("health"))).toEqual(["health: it has no container"]);
    expect(found({ ...without("ray-cpu"), runtime: "embedded", noun: "process" })).toEqual([
      "ray-cpu: its process does not run",
    ]);
    const change = facts({ cluster: { ...cluster, ...without("health") } });
    expect(clusterFindings(change).find(({ topic }) => topic === "health")?.fix).toBe(
      "Start what is missing: ./ws up",
    );
  });

  test("E1 a GCS that refuses our token is not reported as missing", () => {
    const noHead = { reason: "wants-token", at: "127.0.0.1:6379" } as const;
    expect(found({ heads: [], noHead })).toEqual([
      "HEAD: The cluster requires a token: the GCS at 127.0.0.1:6379 refuses this ws, which has none or another one",
    ]);
  });

  test("D2 an engine that cannot list what runs does not mean that the cluster is down", () => {
    expect(found({ services: err("Cannot connect") })).toEqual([
      "Cluster: the engine cannot list what runs: Cannot connect",
    ]);
  });

  test("a node of another machine that Ray does not list is judged by what it reported", () => {
    const waits = { kind: "head", node: null, since: 1 };
    const seen = { answer: "unreachable", address: "10.0.0.1:6379" };
    const status = { ...statusOf("gpu-box", [EVENTS["ray-auth"]]), waits, heads: [seen] };
    const where = { role: null, head: null, advertise: null, nodeManagerPort: null };
    const reported = { name: "gpu-box", seenAgo: 62, state: "waiting-for-head" as const, ...where, status };
    const findingOf = (more: object) => {
      const nodes = new Map([["gpu-box", { ...reported, ...more }]]);
      const all = clusterFindings(facts({ cluster: { ...cluster, reported: nodes } }));
      return all.find(({ topic }) => topic === "gpu-box");
    };
    const versions = "(Ray 2.60.0, ray-entrypoint 0.1.0)";
    expect(findingOf({})).toMatchObject({
      state: "bad",
      saw: `it waits: 10.0.0.1:6379 no route ${versions}; it is on another machine`,
      fix: expect.stringContaining("ws logs gpu-box. Likely cause: its HEAD 10.0.0.1:6379 is out of reach"),
    });
    expect(findingOf({ silent: true })?.saw).toContain("it has been silent for 1 min 2 s");
    expect(findingOf({ state: "stopped" })).toMatchObject({ state: "note" });
    const alive = { ...cluster, nodes: [node("gpu-box")], reported: new Map([["gpu-box", reported]]) };
    const listed = clusterFindings(facts({ cluster: alive })).filter(({ topic }) => topic === "gpu-box");
    expect(listed.map(({ state }) => state)).toEqual(["good"]);
  });

  test("E5 a node that ws did not start is listed", () => {
    const nodes = [...cluster.nodes, node("gpu-box")];
    const all = clusterFindings(facts({ cluster: { ...cluster, nodes } }));
    expect(all.find(({ topic }) => topic === "gpu-box")?.saw).toBe(
      "WORKER, ALIVE at gpu-box; it was not started by this ws",
    );
  });
});

describe("an engine that is not as usual", () => {
  test("D2 an engine that cannot list its networks gives no free subnets", () => {
    const networks = err("unexpected end");
    expect(wrong(machineFindings(facts({ docker: { ...docker, networks } })))).toEqual([
      "Subnets: the engine cannot list its networks: unexpected end",
    ]);
  });

  test("D11 reports an engine on another machine, with the consequences", () => {
    const engine = ok({ ...ENGINE, warnings: ["a notice"], elsewhere: "build.example" });
    const said = machineFindings(facts({ machine: { ...machine, engine } })).filter(
      ({ topic }) => topic === "Docker engine",
    );
    expect(said.map(({ state, saw }) => `${state}: ${saw}`)).toEqual([
      "good: version 28.0.0, on build.example",
      "note: docker says: a notice",
      expect.stringContaining("note: containers run on build.example: ports are published there"),
    ]);
  });
});
