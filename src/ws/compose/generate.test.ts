import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { settingsOf } from "../../../test/fixtures/settings.ts";
import { CLIENT_PROGRAM } from "../checks/client-program.ts";
import { foldersOf, readMachine } from "../drivers/local/machine.ts";
import { planNode } from "../drivers/local/plan.ts";
import { memberSettings } from "../machine/settings.ts";
import { testVariables } from "./files.ts";
import { generateComposeFiles } from "./generate.ts";
import { type HostFacts, planHost, portsInUse, publishedPorts } from "./host-plan.ts";

const HOST: HostFacts = {
  cpus: 8,
  memoryBytes: 32 * 2 ** 30,
  hasGpu: false,
  amdGroups: [],
  ipAddress: "192.168.0.10",
  ephemeralPorts: { min: 32768, max: 60999 },
  buildContext: ".",
  secretsFolder: ".ws/secrets/docker",
};

function generate(config: string, facts: Partial<HostFacts> = {}) {
  const plan = planHost(settingsOf(config), { ...HOST, ...facts });
  if (!plan.ok) throw new Error(JSON.stringify(plan.error));
  return { plan: plan.value, files: generateComposeFiles(plan.value) };
}

const parsed = ({ files }: ReturnType<typeof generate>) => files.map(({ text }) => parse(text));

interface Case {
  readonly name: string;
  readonly config?: string;
  readonly facts?: Partial<HostFacts>;
}

const CASES: readonly Case[] = [
  { name: "default" },
  { name: "only-gpu", config: "services: { ray: { cpu: { enabled: false } } }" },
  { name: "gpu-host", facts: { hasGpu: true } },
  { name: "small-host", facts: { cpus: 2, memoryBytes: 6 * 2 ** 30 } },
  {
    name: "everything-set",
    config: `
project: { name: lab, version: "1.0$rc" }
host: { ip_address: 10.9.8.7 }
network: { subnet: 10.28.0.0/24 }
nodes:
  head_whitelist: [ray-gpu, "ray-cpu", "spare=10.9.8.6:6399"]
  health_service: { timeout: 0.25, max_retries: 5, retry_interval: 0 }
  cluster: { discovery_timeout: 1.5, wait_for_head: 90 }
cluster_test: { target: ray-gpu, test_network_subnet: 10.30.0.0/24, worker_min_worker_port: 25000, worker_max_worker_port: 25031 }
services:
  health: { port: 18080 }
  ray:
    cpu: { cpus: 2.5, memory: 5000m, object_store_memory: 1g, node_ip_address: cpu.lab, min_worker_port: 24100, max_worker_port: 24199 }
    gpu: { image: "registry.lab:5000/ray:gpu", ip_address: 10.28.0.9, head_port: 16380 }
`,
  },
  {
    name: "explicit-head-elsewhere",
    config: `nodes: { head_address: "10.0.0.5:6379", health_service: { url: "http://10.0.0.5:8080" } }
services: { health: { enabled: false } }`,
  },
];

describe("the files for each kind of cluster and machine are pinned", () => {
  test.each(CASES)("$name", async ({ name, config = "", facts = {} }) => {
    for (const file of generate(config, facts).files)
      await expect(file.text).toMatchFileSnapshot(`../../../test/golden/compose/${name}/${file.name}`);
  });
});

const MEMBER = `
services: { ray: { defaults: {
  image: "vllm/vllm-openai:v0.20", gpus: [0, 1], shm_size: 16g, ulimits: { nofile: 65536 }, devices: [/dev/fuse],
  volumes: ["models:/models", "./data:/data:ro"], environment: { HF_HOME: "/models" }, resources: { slots: 2 } } } }`;

const MEMBERS = [
  { name: "first", machine: { name: "gpu01", candidate: true, advertise: "10.77.0.1:8443", rayTls: true } },
  {
    name: "with-all",
    machine: { name: "gpu02", candidate: false, interface: "ib0" },
    config: MEMBER,
    infiniband: true,
    facts: { hasGpu: true },
  },
];

test.each(MEMBERS)("so is that of a machine of several: $name", async (each) => {
  const { name, machine, config, infiniband = false, facts } = each;
  const here = { user: "1000:1000", clusterFolder: "/home/ada/ws/.ws/cluster", infiniband };
  const settings = memberSettings(settingsOf(config), machine, { ...here, cpus: 8, memoryBytes: 2 ** 35 });
  const plan = planHost(settings, { ...HOST, ...facts, secretsFolder: ".ws/machine/secrets" });
  if (!plan.ok) throw new Error(JSON.stringify(plan.error));
  const [file, ...more] = generateComposeFiles(plan.value);
  expect(more).toEqual([]);
  await expect(file?.text).toMatchFileSnapshot(`../../../test/golden/compose/member-${name}/compose.yaml`);
  // Never what others could do anything with.
  expect(file?.text).not.toMatch(/privileged|ws1\./);
});

describe("the files are valid", () => {
  const schema = (name: string) =>
    JSON.parse(
      readFileSync(new URL(`../../../test/fixtures/compose-schema/${name}`, import.meta.url), "utf8"),
    ) as Record<string, unknown>;
  const current = new Ajv2020({ strict: false, validateFormats: false }).compile(schema("compose-spec.json"));
  // The old file names its draft and itself in ways that ajv no longer takes.
  const { $schema: _draft, id: _id, ...old } = schema("docker-compose-1.29.json");
  const v1 = new Ajv({ strict: false, validateFormats: false }).compile(
    JSON.parse(JSON.stringify(old).replaceAll(/"id":"#[^"]*",/g, "")),
  );
  const errorsOf = (validate: ValidateFunction, file: unknown) =>
    validate(file) ? [] : validate.errors?.map(({ instancePath, message }) => `${instancePath} ${message}`);

  test.each(CASES)("$name: by the Compose specification and by docker-compose 1.29", ({ config, facts }) => {
    for (const file of parsed(generate(config ?? "", facts))) {
      expect(errorsOf(current, file)).toEqual([]);
      expect(errorsOf(v1, file)).toEqual([]);
    }
  });

  test("and both schemas do refuse what they do not know", () => {
    const wrong = { services: { a: { image: "b", imgae: "c" } } };
    expect(errorsOf(current, wrong)).not.toEqual([]);
    expect(errorsOf(v1, wrong)).not.toEqual([]);
    expect(errorsOf(v1, { name: "a", services: {} })).not.toEqual([]);
  });
});

describe("what the specification asks for", () => {
  const [main, testFile] = parsed(generate(""));

  test("places, names and published ports of the main cluster", () => {
    expect(main.services).toMatchObject({
      health: {
        container_name: "cslr-exp-platform-health",
        networks: { "ray-network": { ipv4_address: "172.28.0.2" } },
        ports: ["8080:8080"],
      },
      "ray-cpu": {
        container_name: "cslr-exp-platform-ray-cpu",
        hostname: "ray-cpu",
        networks: { "ray-network": { ipv4_address: "172.28.0.3" } },
        ports: expect.arrayContaining(["6379:6379", "8265:8265", "10001:10001"]),
        depends_on: { health: { condition: "service_healthy" } },
      },
      "ray-gpu": {
        container_name: "cslr-exp-platform-ray-gpu",
        networks: { "ray-network": { ipv4_address: "172.28.0.4" } },
        ports: expect.arrayContaining(["6380:6380", "8266:8266", "10002:10002"]),
        depends_on: {
          health: { condition: "service_healthy" },
          "ray-cpu": { condition: "service_healthy" },
        },
      },
    });
    expect(main.networks["ray-network"].ipam.config).toEqual([{ subnet: "172.28.0.0/16" }]);
    expect(testFile.networks["test-network"].ipam.config).toEqual([{ subnet: "172.30.0.0/24" }]);
  });

  test("the nodes section is injected into every node, and both directions go through the host", () => {
    const cluster = {
      HEAD_WHITELIST: "ray-cpu:6379 ray-gpu:6380",
      HEALTH_URL: "http://health:8080",
      HEAD_ADDRESS_CFG: "",
      WAIT_FOR_HEAD: "60",
    };
    const [worker, client] = [testFile.services["test-ray-worker"], testFile.services["test-ray-client"]];
    for (const service of [main.services["ray-cpu"], main.services["ray-gpu"], worker])
      expect(service?.environment).toMatchObject(cluster);
    expect(worker?.environment.HEAD_ADDRESS).toBe(`\${WS_TEST_HEAD:-ray-cpu:6379}`);
    expect(worker?.environment.NODE_IP_ADDRESS).toBe("test-ray-worker");
    const viaHost = ["ray-cpu:192.168.0.10", "ray-gpu:192.168.0.10", "health:192.168.0.10"];
    expect(worker?.extra_hosts).toEqual(viaHost);
    expect(client?.extra_hosts).toEqual(viaHost);
    for (const name of ["health", "ray-cpu", "ray-gpu"])
      expect(main.services[name].extra_hosts).toEqual(["test-ray-worker:192.168.0.10"]);
  });

  test("D13 the health service's port is the one on the host; in its network it answers on 8080", () => {
    const shape = readFileSync(
      new URL("../../../test/fixtures/original-shape.yaml", import.meta.url),
      "utf8",
    );
    const [original, itsTest] = parsed(generate(shape));
    expect(original.services.health).toMatchObject({
      environment: { RAY_EP_HEALTH_PORT: "8080" },
      ports: ["8888:8080"],
    });
    for (const name of ["ray-cpu", "ray-gpu"])
      expect(original.services[name]).toMatchObject({
        environment: { HEALTH_URL: "http://health:8080" },
        build: { args: { BASE: "lab-platform:ray-runtime" } },
      });
    // It comes through the host.
    expect(itsTest.services["test-ray-worker"].environment.HEALTH_URL).toBe("http://health:8888");
  });

  test("E6 nodes are told where there is no health service on purpose, in both runtimes", () => {
    const off = "services: { health: { enabled: false } }";
    const machine = readMachine(settingsOf(off), foldersOf("/"), { binDir: "", dist: "", configFolder: "" });
    for (const service of ["ray-cpu", "ray-gpu"])
      expect(parsed(generate(off))[0].services[service].environment.HEALTH_URL).toBe("none");
    const settings = settingsOf(off);
    for (const node of settings.nodes) expect(planNode(settings, node, machine).env.HEALTH_URL).toBe("none");
  });

  test("B11 a token in a node's env_file does not win over the cluster's, in both runtimes, nor show in docker inspect", () => {
    const folder = mkdtempSync(join(tmpdir(), "ws-env-file-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, ".env"), "RAY_AUTH_TOKEN=given\nRAY_EP_HEALTH_TOKEN=given\nOTHER=kept\n");
    const config = "services: { ray: { cpu: { env_file: .env } } }";
    const none = { RAY_AUTH_TOKEN: "", RAY_EP_HEALTH_TOKEN: "" };
    const [{ services }] = parsed(generate(config));
    expect(services["ray-cpu"].environment).toMatchObject(none);
    expect(services["ray-gpu"].environment).not.toHaveProperty("RAY_AUTH_TOKEN");
    const settings = settingsOf(config);
    const machine = readMachine(settings, foldersOf("/"), { binDir: "", dist: "", configFolder: folder });
    const [cpu] = settings.nodes;
    expect(cpu && planNode(settings, cpu, machine).env).toMatchObject({ ...none, OTHER: "kept" });
  });

  test("everything carries the project's label, so that it can be taken away by it", () => {
    const labelled = [main, testFile].flatMap((file) => [
      ...Object.values(file.services),
      ...Object.values(file.networks),
      ...Object.values(file.volumes ?? {}),
    ]);
    expect(labelled).toHaveLength(10);
    for (const each of labelled)
      expect(each).toMatchObject({ labels: { "io.ray-entrypoint.project": "cslr-exp-platform" } });
  });

  test("a candidate's state is in a volume of its own, unless none is wanted", () => {
    expect(main.services["ray-cpu"].volumes).toEqual(["ray-cpu-state:/opt/ray-entrypoint/state"]);
    const [without] = parsed(generate("state: none"));
    expect(Object.keys(without.volumes)).toEqual(["health-state"]);
    expect(without.services["ray-cpu"].environment).toMatchObject({ RAY_EP_STATE: "none" });
  });

  test("a container that somebody starts from our image does not carry it", () => {
    for (const name of Object.keys(main.services))
      for (const label of ["project", "part"])
        expect(Object.keys(main.services[name].build.labels)).not.toContain(`io.ray-entrypoint.${label}`);
  });

  test("memory and object store of a node are together what config.yaml says, and fit its /dev/shm", () => {
    const cpu = main.services["ray-cpu"];
    const store = Number(/--object-store-memory=(\d+)/.exec(cpu.command.join(" "))?.[1]);
    expect(Number(cpu.environment.RAY_MEMORY) + store).toBe(8 * 2 ** 30);
    expect(Number.parseInt(cpu.shm_size, 10) * 2 ** 20).toBeGreaterThan(store);
  });
});

test("on a machine of 2 CPUs the limit is 2 and Ray still counts 4, with a warning for each node", () => {
  const generated = generate("", { cpus: 2 });
  const [main] = parsed(generated);
  expect(main.services["ray-cpu"]).toMatchObject({ cpus: 2, environment: { RAY_NUM_CPUS: "4" } });
  expect(generated.plan.warnings.map(({ where }) => where)).toEqual(["ray-cpu", "ray-gpu"]);
});

test("GPUs are reserved for ray-gpu alone, and only where there are some", () => {
  const [withGpu] = parsed(generate("", { hasGpu: true }));
  expect(withGpu.services["ray-gpu"].deploy).toBeDefined();
  expect(withGpu.services["ray-cpu"].deploy).toBeUndefined();
  const [without] = parsed(generate("host: { has_gpu: false }", { hasGpu: true }));
  expect(without.services["ray-gpu"].deploy).toBeUndefined();
  const wished = generate("host: { has_gpu: true }");
  expect(wished.plan.warnings.map(({ where }) => where)).toEqual(["host.has_gpu"]);
  expect(wished.plan.gpuKind).toBeUndefined();
  for (const { text } of wished.files) expect(text).not.toMatch(/deploy:|devices:|reservations:/);
});

test.each([
  ["auth: off", "disabled", ["ray_ep_health_token"]],
  [
    "services: { ray: { image: lab/rayproject/ray:2.49.2-gpu } }",
    "token",
    ["ray_ep_health_token", "ray_auth_token"],
  ],
])(
  "where Ray requires no token its ports are published for this machine and host.ip_address alone: %s",
  (config, mode, mounted) => {
    const [main, testFile] = parsed(generate(config));
    const both = (port: number) => ["127.0.0.1", "192.168.0.10"].map((host) => `${host}:${port}:${port}`);
    expect(main.services["ray-cpu"].ports).toEqual(expect.arrayContaining([6379, 8265, 10001].flatMap(both)));
    for (const { ports } of [main.services["ray-gpu"], testFile.services["test-ray-worker"]])
      for (const port of ports) expect(port).toMatch(/^(?:127\.0\.0\.1|192\.168\.0\.10):/);
    expect(main.services["ray-cpu"].environment.RAY_AUTH_MODE).toBe(mode);
    expect(Object.keys(main.secrets)).toEqual(mounted);
    expect(main.services.health.ports).toEqual(["8080:8080"]);
  },
);

test("the candidate that comes first starts first", () => {
  const [main] = parsed(generate("nodes: { head_whitelist: [ray-gpu, ray-cpu] }"));
  expect(Object.keys(main.services["ray-cpu"].depends_on ?? {})).toEqual(["health", "ray-gpu"]);
  expect(Object.keys(main.services["ray-gpu"].depends_on ?? {})).toEqual(["health"]);
});

test("the test's HEAD can be changed without another file", () => {
  const { plan } = generate("");
  expect(testVariables(plan, { host: "ray-gpu", port: 6380 })).toEqual({
    WS_TEST_HEAD: "ray-gpu:6380",
    WS_TEST_CLIENT_HOST: "192.168.0.10",
    WS_TEST_CLIENT_GCS_PORT: "6380",
    WS_TEST_CLIENT_PORT: "10002",
  });
  const [, testFile] = parsed(generate(""));
  const text = JSON.stringify(testFile);
  for (const name of Object.keys(testVariables(plan, plan.test.target)))
    expect(text).toContain(`\${${name}:-`);
});

test("the client's program reaches Python as it is written", () => {
  const [, testFile] = parsed(generate(""));
  const words = testFile.services["test-ray-client"].command ?? [];
  expect(words.slice(0, 4)).toEqual(["python3", "-u", "-c", CLIENT_PROGRAM.trim().replaceAll("$", "$$$$")]);
});

test("a machine without an address asks for one", () => {
  const result = planHost(settingsOf(""), { ...HOST, ipAddress: undefined });
  expect(result).toMatchObject({ ok: false, error: [{ where: "host.ip_address" }] });
});

test("a port that something else holds is named with the key that changes it", () => {
  const published = publishedPorts(generate("").plan, "main");
  const used = portsInUse(published, new Set([8265, 21050, 9999]));
  expect(used.map(({ where, fix }) => `${where}: ${fix.replace(/.*set/, "set")}`)).toEqual([
    "ray-cpu, dashboard: set services.ray.cpu.dashboard_port in config.yaml.",
    "ray-cpu, workers: set services.ray.cpu.min_worker_port and max_worker_port in config.yaml.",
  ]);
});
