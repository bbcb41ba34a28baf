import { expect, test } from "vitest";
import { parse } from "yaml";
import { settingsOf } from "../../../test/fixtures/settings.ts";
import { generateComposeFiles } from "../compose/generate.ts";
import { type HostFacts, planHost } from "../compose/host-plan.ts";
import { readSettings } from "./settings.ts";

const HOST: HostFacts = {
  ...{ cpus: 8, memoryBytes: 32 * 2 ** 30, hasGpu: true, amdGroups: [], ipAddress: "192.168.0.10" },
  ...{ buildContext: ".", ephemeralPorts: { min: 32768, max: 60999 }, secretsFolder: ".ws/secrets/docker" },
};

function compose(text: string, facts: Partial<HostFacts> = {}) {
  const plan = planHost(settingsOf(text), { ...HOST, ...facts });
  if (!plan.ok) throw new Error(JSON.stringify(plan.error));
  const [main, test] = generateComposeFiles(plan.value).map(({ text }) => parse(text));
  return { main, test, warnings: plan.value.warnings.map(({ where, problem }) => `${where}: ${problem}`) };
}

const FIVE = `
cluster_test: { target: big }
services:
  ray:
    defaults: { memory: 1g, labels: { zone: a, tier: low }, environment: { A: 1, B: two } }
    gpu: { enabled: false }
    big:
      { candidate: true, cpus: 2, gpus: [0, 1], resources: { slots: 2, tpu: 0.5 }, labels: { tier: high }, env_file: big.env,
        environment: { B: "$three" }, volumes: ["./data:/data:ro", "models:/models"], devices: [/dev/infiniband],
        ulimits: { nofile: 65536, memlock: { soft: -1, hard: -1 } }, shm_size: 400m, pip_requirements: more.txt, ray_args: [--verbose] }
    small: { replicas: 3 }
`;

test("further nodes are nodes of the cluster, with what the file gives them", () => {
  const { main, test } = compose(FIVE);
  expect(Object.keys(main.services)).toEqual([
    "health",
    "ray-cpu",
    "ray-big",
    "ray-small-1",
    "ray-small-2",
    "ray-small-3",
  ]);
  expect(main.services["ray-big"]).toMatchObject({
    hostname: "ray-big",
    command: expect.arrayContaining([
      '--resources={"slots":2,"tpu":0.5}',
      "--labels=zone=a,tier=high",
      "--verbose",
    ]),
    environment: {
      ...{ HEAD_WHITELIST: "ray-cpu:6379 ray-big:6381", RAY_HEAD_PORT: "6381", NODE_MANAGER_PORT: "21100" },
      ...{ A: "1", B: "$$three" },
    },
    env_file: ["big.env"],
    depends_on: { health: {}, "ray-cpu": {} },
    networks: { "ray-network": { ipv4_address: "172.28.0.5" } },
    ports: expect.arrayContaining(["6381:6381", "8267:8267", "10003:10003"]),
    volumes: expect.arrayContaining(["./data:/data:ro", "models:/models", "./more.txt:/pip-requirements:ro"]),
    ...{ devices: ["/dev/infiniband"], ulimits: { nofile: 65536, memlock: { soft: -1, hard: -1 } } },
    ...{ shm_size: "400m", mem_limit: "1g" },
    deploy: { resources: { reservations: { devices: [{ driver: "nvidia", device_ids: ["0", "1"] }] } } },
  });
  expect(main.volumes.models).toMatchObject({ name: "cslr-exp-platform-models" });
  const small = main.services["ray-small-3"];
  expect(small).toMatchObject({
    hostname: "ray-small-3",
    networks: { "ray-network": { ipv4_address: "172.28.0.8" } },
  });
  expect(small.environment).not.toHaveProperty("RAY_HEAD_PORT");
  expect(small.ports).toHaveLength(4);
  expect(test.services["test-ray-worker"]).toMatchObject({
    environment: { HEAD_ADDRESS: `\${WS_TEST_HEAD:-ray-big:6381}` },
    extra_hosts: expect.arrayContaining(["ray-big:192.168.0.10", "ray-small-1:192.168.0.10"]),
  });
});

const ONE = (keys: string) => `services: { ray: { big: ${keys} } }`;

test.each([
  ["a number", "{ gpus: 2 }", {}, { driver: "nvidia", count: 2 }],
  ["the original platform's runtime", "{ runtime: nvidia }", {}, { driver: "nvidia", count: "all" }],
  [
    "CDI names",
    '{ gpus: ["nvidia.com/gpu=0"] }',
    { hasGpu: false },
    { driver: "cdi", device_ids: ["nvidia.com/gpu=0"] },
  ],
])("GPUs by %s", (_, keys, facts, device) => {
  const { deploy } = compose(ONE(keys), facts).main.services["ray-big"];
  expect(deploy.resources.reservations.devices).toEqual([{ ...device, capabilities: ["gpu"] }]);
});

test("AMD's GPUs are devices with their groups, and a machine without any is a warning", () => {
  const amd = compose(ONE("{ gpus: 2 }"), { hasGpu: false, amdGroups: ["44", "993"] }).main.services[
    "ray-big"
  ];
  expect(amd).toMatchObject({
    ...{ devices: ["/dev/kfd", "/dev/dri"], group_add: ["44", "993"] },
    environment: { HIP_VISIBLE_DEVICES: "0,1" },
  });
  const none = compose(ONE("{ gpus: 2 }"), { hasGpu: false });
  expect(none.main.services["ray-big"]).not.toHaveProperty("deploy");
  expect(none.warnings).toEqual([
    expect.stringMatching(/^services\.ray\.big\.gpus: .* ray-big starts without one$/),
  ]);
});

test("the nearest section says what the image is made from", () => {
  const bases = settingsOf(`services:
  ray:
    image: all:1
    build: { context: all }
    defaults: { memory: 2g }
    gpu: { image: own:1 }
    built: { build: { context: own } }
    off: { image: there:1, build: { enabled: false } }
`).nodes.map(({ base }) => `${base.image} ${base.build?.context}`);
  expect(bases).toEqual([
    "all:1 all",
    "own:1 undefined",
    "cslr-exp-platform-built-base own",
    "there:1 undefined",
  ]);
});

test("head_whitelist wins over candidate, and ports step over those that the file has", () => {
  const { candidates } = settingsOf(`nodes: { head_whitelist: [ray-big] }
services: { ray: { cpu: { head_port: 6381 }, big: {}, other: { candidate: true } } }`);
  expect(candidates).toEqual([{ name: "ray-big", host: "ray-big", port: 6382 }]);
});

test("a file that is not there is named", () => {
  const text = `services:
  ray:
    defaults: { env_file: [there.env, no.env] }
    cpu: { pip_requirements: no.txt }
`;
  const read = readSettings(text, "config.yaml", (path) => !path.startsWith("no"));
  expect(read.ok ? [] : read.error.problems.map(({ where }) => where.split(" ")[1])).toEqual([
    "services.ray.defaults.env_file",
    "services.ray.cpu.pip_requirements",
  ]);
});

test("the rules hold for further nodes as for the others", () => {
  const read = readSettings(`nodes: { head_whitelist: [ray-extr, ray-small-1, ray-cpu] }
cluster_test: { target: ray-extra:1 }
services:
  ray:
    default: { cpus: 2 }
    Upper: {}
    gpu: { ip_address: 172.28.0.99 }
    extra: { candidate: true, head_port: 6379, dashboard_port: 8266, memory: 100m, node_ip_address: ray-gpu, clint_port: 1, ip_address: 172.28.0.99 }
    small: { replicas: 2, head_port: 7000, volumes: [data], environment: { "A-B": 1, HEALTH_URL: none, RAY_AUTH_TOKEN: t, RAY_EP_FENCING: strict }, resources: { CPU: 1 } }
    small-2: { volumes: ["ray-cpu-state:/data"] }
`);
  if (read.ok) throw new Error("expected problems");
  const { problems, warnings } = read.error;
  expect(
    [...problems, ...warnings].map(({ where, problem }) => `${where.replace(/^\S+ /, "")}: ${problem}`),
  ).toEqual([
    "nodes.head_whitelist[1]: expected a node that may become HEAD, got ray-small-1, one of several replicas",
    expect.stringMatching(/^services\.ray\.Upper: expected lower-case letters/),
    expect.stringMatching(/^services\.ray\.extra\.head_port: .* services\.ray\.cpu\.head_port has 6379$/),
    expect.stringMatching(
      /^services\.ray\.extra\.dashboard_port: .* services\.ray\.gpu\.dashboard_port has 8266$/,
    ),
    expect.stringMatching(/^services\.ray\.extra\.memory: expected at least 250m/),
    expect.stringMatching(/^services\.ray\.extra\.node_ip_address: .* got ray-gpu for two nodes$/),
    expect.stringMatching(/^services\.ray\.extra\.clint_port: unknown key/),
    expect.stringMatching(
      /^services\.ray\.extra\.ip_address: .*172\.28\.0\.99, which is also that of services\.ray\.gpu$/,
    ),
    "services.ray.small.head_port: expected only what replicas can share, got head_port, which is one node's own",
    expect.stringMatching(/^services\.ray\.small\.volumes\[0\]: expected SOURCE/),
    expect.stringMatching(/^services\.ray\.small\.environment\.A-B: expected names of variables/),
    expect.stringMatching(
      /^services\.ray\.small\.environment\.HEALTH_URL: expected a variable of the user's/,
    ),
    expect.stringMatching(
      /^services\.ray\.small\.environment\.RAY_AUTH_TOKEN: expected a variable of the user's/,
    ),
    expect.stringMatching(/^services\.ray\.small\.resources\.CPU: expected names of custom resources/),
    "services.ray.small-2: expected a name of its own, got ray-small-2 again",
    expect.stringMatching(/^services\.ray\.small-2\.volumes: expected volumes of the user's/),
    'nodes.head_whitelist[0]: "ray-extr" is the hostname of no service here',
    "cluster_test.target: port 1 is not the head_port of ray-extra, 6379",
    "services.ray.default: is a node of its own, ray-default",
  ]);
});

const problemsOf = (text: string) => {
  const read = readSettings(text);
  return (read.ok ? [] : read.error.problems).map(
    ({ where, problem, fix }) => `${where.replace(/^\S+ services\.ray\./, "")}: ${problem}. ${fix}`,
  );
};

test("a wrong entry below a name of the user's gets an example of the whole, and a wrong name is named", () => {
  expect(
    problemsOf(`services:
  ray:
    cpu: { resources: { slots: -1, CPU: 3 }, labels: { "ray.io/x": 1 }, ulimits: { core: { soft: -5, hard: 1 } } }
    gpu: { gpus: -1, volumes: ./data:/data, environment: [A=1] }
`),
  ).toEqual([
    'cpu.resources.slots: expected a number from 0, got -1. Write for example "resources: { slots: 2 }", or leave the key out.',
    'cpu.resources.CPU: expected names of custom resources with their amounts, got "CPU". Write for example "resources: { slots: 2 }", or leave the key out.',
    'cpu.labels.ray.io/x: expected names of labels with their values, got "ray.io/x". Write for example "labels: { zone: a }", or leave the key out.',
    'cpu.ulimits.core.soft: expected a whole number, -1 for none, or soft and hard, got -5. Write for example "ulimits: { nofile: 65536 }", or leave the key out.',
    'gpu.gpus: expected all, a number, or a list of ids, got -1. Write for example "gpus: all", or leave the key out.',
    'gpu.volumes: expected a list, got "./data:/data". Write for example "volumes: [./data:/data:ro]", or leave the key out.',
    'gpu.environment: expected names of variables with their values, got ["A=1"]. Write for example "environment: { HF_HOME: /models }", or leave the key out.',
  ]);
});

test("what is wrong with several replicas is one problem", () => {
  const small = "small: { replicas: 3, ip_address: 172.28.0.3, node_manager_port: 3000 }";
  expect(problemsOf(`services: { ray: { ${small} } }`).map((each) => each.split(",")[0])).toEqual([
    "small.ip_address: expected only what replicas can share",
    "small.ip_address: expected an address of its own",
    "small.node_manager_port: expected only what replicas can share",
  ]);
});
