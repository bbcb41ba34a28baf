import { expect, test, vi } from "vitest";
import { parse } from "yaml";
import { settingsOf } from "../../../test/fixtures/settings.ts";
import { generateComposeFiles } from "../compose/generate.ts";
import { planHost } from "../compose/host-plan.ts";
import { readSettings } from "./settings.ts";
import { keysBelow } from "./validate.ts";

/** The table of nodes with an entry more; nothing else is changed. */
vi.mock(import("./nodes.ts"), async (original) => {
  const actual = await original();
  const ports = { headPort: 6381, dashboardPort: 8267, clientPort: 10003 };
  const extra = { key: "extra", name: "ray-extra", gpu: true, image: "rayproject/ray:nightly-gpu", ...ports };
  return {
    ...actual,
    RAY_NODES: [...actual.RAY_NODES, extra] as never,
    NODE_NAMES: [...actual.NODE_NAMES, extra.name],
  };
});

const HOST = {
  ...{ cpus: 8, memoryBytes: 32 * 2 ** 30, hasGpu: true, ipAddress: "192.168.0.10", buildContext: "." },
  ephemeralPorts: { min: 32768, max: 60999 },
  secretsFolder: ".ws/secrets/docker",
};

test("a third entry in the table is a third node of every cluster", () => {
  const plan = planHost(settingsOf("cluster_test: { target: extra }"), HOST);
  if (!plan.ok) throw new Error(JSON.stringify(plan.error));
  const [main, testFile] = generateComposeFiles(plan.value).map(({ text }) => parse(text));
  expect(Object.keys(main.services)).toEqual(["health", "ray-cpu", "ray-gpu", "ray-extra"]);
  expect(main.services["ray-extra"]).toMatchObject({
    build: { args: { BASE: "rayproject/ray:nightly-gpu" } },
    environment: { HEAD_WHITELIST: "ray-cpu:6379 ray-gpu:6380 ray-extra:6381", NODE_MANAGER_PORT: "21200" },
    depends_on: { health: {}, "ray-cpu": {} },
    networks: { "ray-network": { ipv4_address: "172.28.0.5" } },
    ports: expect.arrayContaining(["6381:6381", "8267:8267", "10003:10003", "21210-21257:21210-21257"]),
    deploy: { resources: {} },
  });
  expect(testFile.services["test-ray-worker"]).toMatchObject({
    environment: { HEAD_ADDRESS: `\${WS_TEST_HEAD:-ray-extra:6381}`, NODE_MANAGER_PORT: "21300" },
    extra_hosts: expect.arrayContaining(["ray-extra:192.168.0.10"]),
  });
  expect(keysBelow(["services", "ray"])).toEqual(["image", "cpu", "gpu", "extra"]);
});

test("the rules hold for it as for the others, for each pair of nodes", () => {
  const read = readSettings(`nodes: { head_whitelist: [ray-extr, ray-extra] }
cluster_test: { target: ray-extra:1 }
services:
  ray:
    gpu: { ip_address: 172.28.0.5 }
    extra: { head_port: 6379, dashboard_port: 8266, memory: 100m, node_ip_address: ray-gpu, clint_port: 1 }
`);
  if (read.ok) throw new Error("expected problems");
  const { problems, warnings } = read.error;
  expect(
    [...problems, ...warnings].map(({ where, problem }) => `${where.replace(/^\S+ /, "")}: ${problem}`),
  ).toEqual([
    expect.stringMatching(
      /^services\.ray\.gpu\.ip_address: .*172\.28\.0\.5, which is also that of services\.ray\.extra$/,
    ),
    expect.stringMatching(/^services\.ray\.extra\.head_port: .* services\.ray\.cpu\.head_port has 6379$/),
    expect.stringMatching(
      /^services\.ray\.extra\.dashboard_port: .* services\.ray\.gpu\.dashboard_port has 8266$/,
    ),
    expect.stringMatching(/^services\.ray\.extra\.memory: expected at least 250m/),
    expect.stringMatching(/^services\.ray\.extra\.node_ip_address: .* got ray-gpu for two nodes$/),
    expect.stringMatching(/^services\.ray\.extra\.clint_port: unknown key/),
    'nodes.head_whitelist[0]: "ray-extr" is the hostname of no service here',
    "cluster_test.target: port 1 is not the head_port of ray-extra, 6379",
  ]);
});
