import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { Problem } from "../../common/failure.ts";
import { readSettings, type Settings, type SettingsRead } from "./settings.ts";

function read(text: string): SettingsRead {
  const result = readSettings(text);
  if (!result.ok) throw new Error(JSON.stringify(result.error, null, 2));
  return result.value;
}

function problems(text: string): readonly Problem[] {
  const result = readSettings(text);
  return result.ok ? [] : result.error.problems;
}

const settingsOf = (config: unknown): Settings => read(stringify(config)).settings;
const show = (list: readonly Problem[]): string =>
  list.map(({ where, problem, fix }) => `${where}: ${problem}\n  → ${fix}\n`).join("");

describe("a missing or empty config.yaml is the specification's cluster", () => {
  test.each([
    "",
    "# only a comment\n",
    "services:\n",
    "services:\n  ray:\n    cpu:\n",
    "{}",
    'nodes: { head_address: "", health_service: { url: "" } }',
  ])("%j", (text) => {
    const { settings, warnings } = read(text);
    expect(warnings).toEqual([]);
    expect(settings).toMatchObject({
      projectName: "cslr-exp-platform",
      subnet: "172.28.0.0/16",
      testSubnet: "172.30.0.0/24",
      health: { enabled: true, address: "172.28.0.2", port: 8080, externalUrl: undefined },
      nodes: [
        {
          name: "ray-cpu",
          address: "172.28.0.3",
          loopbackAddress: "127.28.0.3",
          base: { image: "rayproject/ray:latest", build: undefined },
          cpus: 4,
          memoryBytes: 8 * 2 ** 30,
          headPort: 6379,
          dashboardPort: 8265,
          clientPort: 10001,
        },
        {
          name: "ray-gpu",
          address: "172.28.0.4",
          base: { image: "rayproject/ray:latest-gpu", build: undefined },
          headPort: 6380,
          dashboardPort: 8266,
          clientPort: 10002,
        },
      ],
      candidates: [
        { name: "ray-cpu", host: "ray-cpu", port: 6379 },
        { name: "ray-gpu", host: "ray-gpu", port: 6380 },
      ],
      test: { target: { host: "ray-cpu", port: 6379 }, targetClientPort: 10001 },
    });
  });

  test("the config.yaml that ships says the same with every value written out", () => {
    const shipped = read(readFileSync(new URL("../../../config.yaml", import.meta.url), "utf8"));
    expect(shipped).toEqual(read(""));
  });
});

describe("everything wrong with a file is said at once", () => {
  const WRONG = `project:
  name: Bad Name
nodes:
  head_whitelst: [ray-cpu]
  head_whitelist: [ray-gpuu, "a:b:c", 4, ray-cpu]
  head_address: ray-cpu
  health_service:
    url: https://user:secret@health
    timeout: 0
    max_retries: 2.5
    retry_interval: soon
services:
  ray:
    cpu: { enabled: maybe, cpus: four, memory: 8x, head_port: 70000, min_worker_port: 10 }
    gpu:
      image: "Ray Image"
      memory: 8g
      object_store_memory: 9g
      head_port: [6380]
      node_manager_port: 21000
      object_manager_port: 21000
      min_worker_port: 22000
      max_worker_port: 21999
      node_ip_adress: ray-gpu
  health: { port: 8080, ip_address: 10.0.0.2 }
network: { subnet: 172.28.0.1/16 }
dashboard_port: 8265
cluster_test: yes please
`;

  test("wrong values, unknown keys and clashes, each with its place and the way out", async () => {
    await expect(show(problems(WRONG))).toMatchFileSnapshot("../../../test/golden/settings/wrong-values.txt");
  });

  test("what clashes across keys", async () => {
    const text = `network: { subnet: 172.28.0.0/16 }
cluster_test: { test_network_subnet: 172.28.9.0/24, worker_min_worker_port: 22000, worker_max_worker_port: 22099, target: ray-gpu:6379 }
host: { ip_address: 127.0.0.1 }
nodes:
  head_whitelist: [ray-gpu, RAY-GPU, ray-cpi]
  head_address: ray-cpu:6379
services:
  health: { ip_address: 172.28.0.4 }
  ray:
    cpu: { enabled: false, head_port: 8080 }
    gpu: { head_port: 8080, client_port: 22050, ip_address: 172.28.255.255, memory: 200m }
`;
    const result = readSettings(text);
    const all = result.ok ? [] : [...result.error.problems, ...result.error.warnings];
    await expect(show(all)).toMatchFileSnapshot("../../../test/golden/settings/clashes.txt");
  });

  test("broken YAML, with every place", async () => {
    await expect(show(problems('a: [1\nb: "x\nproject: {}\nproject: {}\n'))).toMatchFileSnapshot(
      "../../../test/golden/settings/broken-yaml.txt",
    );
  });

  test("an alias that names nothing", () => {
    expect(show(problems("project: *nobody\n"))).toContain("config.yaml:1:1: not valid YAML");
  });

  test("a text where keys belong", () => {
    expect(show(problems("just text"))).toContain('expected keys with values below them, got "just text"');
  });

  test("a wrong value hides no clash elsewhere, and makes none up from its default", () => {
    const list = problems(
      "services: { health: { port: 0 }, ray: { cpu: { head_port: 8080, client_port: 8080 } } }",
    );
    expect(list.map(({ where }) => where)).toEqual([
      "config.yaml:1:29 services.health.port",
      "config.yaml:1:78 services.ray.cpu.client_port",
    ]);
  });

  test("a password in a URL is never repeated", () => {
    expect(show(problems(WRONG))).not.toContain("secret");
  });
});

describe("E3 an unknown key stops ws, because the cluster would start without what it asks for", () => {
  const only = (text: string) => problems(text).map(({ where, fix }) => `${where} → ${fix}`);

  test("a mount of a node under a word of its own", () => {
    expect(only('services: { ray: { cpu: { mountpoints: ["./data:/data"] } } }')).toEqual([
      expect.stringMatching(
        /^config\.yaml:1:27 services\.ray\.cpu\.mountpoints → Remove it; known keys here are enabled, image, /,
      ),
    ]);
  });

  test("a mistyped key names the nearest", () => {
    expect(only("services: { ray: { cpu: { haed_port: 6379 } } }")).toEqual([
      "config.yaml:1:27 services.ray.cpu.haed_port → Did you mean services.ray.cpu.head_port?",
    ]);
    expect(only("SERVICES: {}")).toEqual(["config.yaml:1:1 SERVICES → Did you mean services?"]);
  });

  test("a key in the wrong section names the right one", () => {
    expect(only("head_whitelist: [ray-cpu]")).toEqual([
      "config.yaml:1:1 head_whitelist → Did you mean nodes.head_whitelist?",
    ]);
  });

  test("a key that is like no other, and one that the original platform has only elsewhere", () => {
    const top =
      "known keys here are project, host, auth, network, nodes, cluster_test, services, state, ray.";
    expect(only("zzzzzzzz: 1\nmlflow: {}")).toEqual([
      `config.yaml:1:1 zzzzzzzz → Remove it; ${top}`,
      `config.yaml:2:1 mlflow → Remove it; ${top}`,
    ]);
  });
});

describe("D13 a file of the original platform", () => {
  const file = new URL("../../../test/fixtures/original-shape.yaml", import.meta.url);

  test("loads, with one warning for foreign keys and one for services that are not ours", () => {
    const { settings, warnings } = read(readFileSync(file, "utf8"));
    expect(warnings.map(({ problem, fix }) => `${problem} → ${fix}`)).toEqual([
      expect.stringMatching(
        /^keys of the original platform that ws does not read: host\.hostname, cluster_test\.worker_cpu_node_manager_port, .*, volumes → Nothing/,
      ),
      expect.stringMatching(
        /^services of the original platform that ws does not start: services\.redis, services\.mlflow, services\.marimo → .*compose\.override\.yaml/,
      ),
    ]);
    const base = {
      image: "lab-platform:ray-runtime",
      build: { enabled: true, context: "..", dockerfile: "../Dockerfile", target: "ray-runtime" },
    };
    expect(settings).toMatchObject({
      projectName: "lab-platform",
      headAddress: undefined,
      health: { port: 8888, externalUrl: undefined },
      nodes: [
        { name: "ray-cpu", base, gpus: undefined },
        { name: "ray-gpu", base, gpus: "all" },
      ],
      test: { target: { host: "ray-cpu", port: 6379 } },
    });
  });

  test("a node's own image goes before that of all, and target: gpu is ray-gpu", () => {
    const { nodes, test } = settingsOf({
      services: { ray: { image: "all:1", gpu: { image: "own:1" } } },
      cluster_test: { target: "gpu" },
    });
    expect(nodes.map(({ base }) => base.image)).toEqual(["all:1", "own:1"]);
    expect(test.target).toEqual({ host: "ray-gpu", port: 6380 });
  });

  test("null counts as not given, in every place", () => {
    const empty = "{ nodes: null, services: { ray: { cpu: { image: null, cpus: ~ } } }, volumes: null }";
    expect(read(empty)).toEqual(read(""));
  });
});

describe("slips that do not stop a run are warnings", () => {
  const warnings = (text: string) => read(text).warnings.map(({ problem, fix }) => `${problem} → ${fix}`);

  test("a candidate whose name is no hostname here", () => {
    expect(warnings("nodes: { head_whitelist: [ray-cpuu, ray-gpu] }")).toEqual([
      '"ray-cpuu" is the hostname of no service here → Did you mean ray-cpu?',
    ]);
  });

  test.each([
    "nodes: { head_address: 'localhost:6379' }",
    "cluster_test: { target: '127.0.0.1:6379' }",
    "nodes: { head_whitelist: ['ray-cpu=localhost:6379', ray-gpu] }",
    "nodes: { health_service: { url: 'http://localhost:8080' } }",
  ])("C4 loopback is explained: %s", (text) => {
    expect(warnings(text)).toEqual([
      expect.stringMatching(/^in a container (?:localhost|127\.0\.0\.1) is that container itself → Write /),
    ]);
  });

  test("a number alone is bytes, and is shown as such", () => {
    expect(problems("services: { ray: { cpu: { memory: 8 } } }")[0]?.problem).toContain("got 8 bytes");
  });
});

describe("services can be switched off", () => {
  test("only ray-gpu is a cluster with ray-gpu as its one candidate", () => {
    const { settings, warnings } = read("services: { ray: { cpu: { enabled: false } } }");
    expect(settings.nodes.map(({ name }) => name)).toEqual(["ray-gpu"]);
    expect(settings.candidates).toEqual([{ name: "ray-gpu", host: "ray-gpu", port: 6380 }]);
    expect(settings.test).toMatchObject({ target: { host: "ray-gpu", port: 6380 }, targetClientPort: 10002 });
    expect(warnings).toEqual([]);
  });

  test("a listed candidate that is switched off is left out, with a warning", () => {
    const { settings, warnings } = read(
      "{ services: { ray: { cpu: { enabled: false } } }, nodes: { head_whitelist: [ray-cpu, ray-gpu] } }",
    );
    expect(settings.candidates.map(({ name }) => name)).toEqual(["ray-gpu"]);
    expect(warnings.map(({ where }) => where)).toEqual(["config.yaml:1:77 nodes.head_whitelist[0]"]);
  });

  test("both off, or no candidate left, is a problem", () => {
    expect(problems("services: { ray: { cpu: { enabled: false }, gpu: { enabled: false } } }")).toHaveLength(
      1,
    );
    expect(
      problems("{ services: { ray: { cpu: { enabled: false } } }, nodes: { head_whitelist: [ray-cpu] } }").at(
        0,
      )?.problem,
    ).toContain("may become HEAD");
  });
});

test("ports of a switched-off service are free for others", () => {
  const config = { services: { ray: { cpu: { enabled: false }, gpu: { head_port: 6379 } } } };
  expect(settingsOf(config).nodes[0]?.headPort).toBe(6379);
});

test("an advertised address that the container does not have is a problem, its own is none", () => {
  const advertise = (address: string) =>
    problems(`services: { ray: { gpu: { node_ip_address: ${address} } } }`);
  expect(advertise("192.168.0.10").map(({ where }) => where)).toEqual([
    "config.yaml:1:44 services.ray.gpu.node_ip_address",
  ]);
  expect(advertise("172.28.0.4")).toEqual([]);
  expect(advertise("gpu.example")).toEqual([]);
});

test("an empty whitelist is fine with an explicit HEAD, which then is the one candidate", () => {
  expect(settingsOf({ nodes: { head_whitelist: [], head_address: "10.0.0.5:6379" } }).candidates).toEqual([
    { name: "10.0.0.5", host: "10.0.0.5", port: 6379 },
  ]);
  expect(problems("nodes: { head_whitelist: [] }")).toHaveLength(1);
});

test("memory is read as Docker reads it", () => {
  const bytesOf = (memory: string | number) =>
    settingsOf({ services: { ray: { cpu: { memory } } } }).nodes[0]?.memoryBytes;
  for (const text of ["8g", "8G", "8Gi", "8GiB", "8 gb", "8192m", "8388608k", 8589934592, "8589934592"])
    expect(bytesOf(text), String(text)).toBe(8 * 2 ** 30);
});

test("any time in seconds with decimals comes out in milliseconds", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 604_800_000 }), (ms) => {
      expect(settingsOf({ nodes: { cluster: { discovery_timeout: ms / 1000 } } }).discoveryTimeoutMs).toBe(
        ms,
      );
    }),
  );
});

test("any port is accepted as a number and as digits, and nothing else is", () => {
  const dashboard = (port: unknown) =>
    readSettings(stringify({ services: { ray: { cpu: { dashboard_port: port } } } }));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 65535 }), (port) => {
      const plain = dashboard(port);
      expect(plain).toEqual(dashboard(String(port)));
      if (plain.ok) expect(plain.value.settings.nodes[0]?.dashboardPort).toBe(port);
      // Only a port that another key has may be refused.
      else expect(plain.error.problems[0]?.problem).toContain("nothing else takes");
    }),
  );
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ max: 0 }), fc.integer({ min: 65536 }), fc.double({ noInteger: true })),
      (port) => {
        expect(dashboard(port).ok).toBe(false);
      },
    ),
  );
});

test("no text, however odd, makes the reader throw or report a place outside the file", () => {
  const lines = fc.array(
    fc.oneof(
      fc.string(),
      fc.constantFrom("services:", "  ray:", "    cpu:", "      cpus: x", "- a", "a: &a [*a]", "<<: 1"),
    ),
  );
  fc.assert(
    fc.property(lines, (list) => {
      const result = readSettings(list.join("\n"));
      const places = result.ok ? result.value.warnings : [...result.error.problems, ...result.error.warnings];
      for (const { where } of places) expect(where).toMatch(/^config\.yaml:\d+:\d+( |$)/);
    }),
    { numRuns: 500 },
  );
});

describe("keys that do not go together", () => {
  const first = (text: string) => {
    const [problem] = problems(text);
    return problem === undefined ? "" : `${problem.where}: ${problem.problem}`;
  };

  test("the nodes ask our own health service at a port where it is not", () => {
    const config = (url: string, port: number) =>
      `{ nodes: { health_service: { url: "${url}" } }, services: { health: { port: ${port} } } }`;
    expect(first(config("http://health:8081", 8080))).toContain(
      "nodes.health_service.url: expected port 8080, on which the health service answers in its network, got 8081",
    );
    // On the host it may have another port.
    expect(first(config("http://health:8080", 8888))).toBe("");
    expect(first(config("http://health", 8080))).toContain("got 80");
    expect(first(config("http://health:8081", 8081))).toBe("");
    expect(first(config("http://10.0.0.9:9", 8080))).toBe("");
  });

  test("a health service that is switched off, and none elsewhere", () => {
    const off = (url: string) =>
      `{ nodes: { health_service: { url: "${url}" } }, services: { health: { enabled: false } } }`;
    const [warning] = read(off("")).warnings;
    expect(warning?.problem).toContain("switched off: without one only the first candidate may lead");
    expect(read(off("http://10.0.0.9:8080")).warnings).toEqual([]);
  });

  test("more worker ports than an engine can publish", () => {
    const range = (max: number) =>
      `services: { ray: { cpu: { min_worker_port: 20000, max_worker_port: ${max} } } }`;
    expect(first(range(21000))).toContain("expected at most 1000 worker ports, got 1001");
    expect(first(range(20999))).toBe("");
    const test = "cluster_test: { worker_min_worker_port: 20000, worker_max_worker_port: 29999 }";
    expect(first(test)).toContain(
      "cluster_test.worker_max_worker_port: expected at most 1000 worker ports, got 10000",
    );
  });

  test("two networks whose addresses fall together on the loopback", () => {
    const subnets = (main: string, test: string) =>
      `{ network: { subnet: ${main} }, cluster_test: { test_network_subnet: ${test} } }`;
    expect(first(subnets("172.28.0.0/16", "10.28.0.0/24"))).toContain("both have 127.28.0.2");
    expect(first(subnets("172.28.0.0/16", "10.29.0.0/24"))).toBe("");
  });

  test.each([
    ["http://health:0", "expected a port from 1 to 65535, got 0"],
    ["http://[::1]:8080", "IPv6"],
  ])("a health service at %s", (url, why) => {
    expect(first(`nodes: { health_service: { url: "${url}" } }`)).toContain(why);
  });

  test.each(["services: &a { ray: *a }", "a: &a [[*a]]"])("an alias inside of its own anchor: %s", (text) => {
    expect(first(text)).toContain("an alias (*) stands inside the value that its anchor (&) names");
  });
});
