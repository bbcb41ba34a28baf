import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { settingsOf as settingsFrom } from "../../../test/fixtures/settings.ts";
import { ephemeralWarnings, peerPorts, portPlanner, workerPortCount } from "./ports.ts";
import { type PortRange, readSettings, type Settings } from "./settings.ts";

const LINUX: PortRange = { min: 32768, max: 60999 };

const settingsOf = (config: unknown) => settingsFrom(stringify(config));

function planPorts(settings: Settings, ephemeral = LINUX) {
  const portsOf = portPlanner(settings, ephemeral);
  const nodes = [...settings.nodes, settings.test.worker].map((node) => ({ ...node, ports: portsOf(node) }));
  return {
    nodes: Object.fromEntries(nodes.map(({ name, ports }) => [name, ports])),
    ranges: nodes.flatMap((node) => peerPorts(node, node.ports)),
    warnings: nodes.flatMap((node) => ephemeralWarnings(node, ephemeral)),
  };
}

const meet = (a: PortRange, b: PortRange) => a.min <= b.max && b.min <= a.max;
const anyTwoMeet = (ranges: readonly PortRange[]) =>
  ranges.some((a, i) => ranges.slice(i + 1).some((b) => meet(a, b)));

test("the specification's cluster gets three blocks from 21000, and nobody is warned", () => {
  const plan = planPorts(settingsOf({}));
  expect(plan.nodes).toEqual({
    "ray-cpu": {
      nodeManager: 21000,
      objectManager: 21001,
      dashboardAgent: 21002,
      workers: { min: 21010, max: 21057 },
    },
    "ray-gpu": {
      nodeManager: 21100,
      objectManager: 21101,
      dashboardAgent: 21102,
      workers: { min: 21110, max: 21157 },
    },
    "test-ray-worker": {
      nodeManager: 21200,
      objectManager: 21201,
      dashboardAgent: 21202,
      workers: { min: 21210, max: 21241 },
    },
  });
  expect(plan.warnings).toEqual([]);
});

test("a node of 4 CPUs has room for what was measured on one: 25 workers at once", () => {
  expect(workerPortCount(4)).toBeGreaterThanOrEqual(2 * 25 - 2);
});

describe("whatever config.yaml and the machine say", () => {
  const port = fc.integer({ min: 1024, max: 65000 });
  const service = fc.record(
    {
      enabled: fc.boolean(),
      cpus: fc.integer({ min: 1, max: 128 }),
      head_port: port,
      dashboard_port: port,
      node_manager_port: port,
      object_manager_port: port,
    },
    { requiredKeys: [] },
  );
  const config = fc.record({
    services: fc.record({ ray: fc.record({ cpu: service, gpu: service }) }),
    cluster_test: fc.record({ worker_cpus: fc.integer({ min: 1, max: 64 }) }),
  });
  const ephemeral = fc.tuple(port, port).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }));

  test("no two nodes share a port, and none takes a service's", () => {
    fc.assert(
      fc.property(config, ephemeral, (wanted, range) => {
        const read = readSettings(stringify(wanted));
        fc.pre(read.ok);
        const { settings } = read.value;
        const services = settings.nodes.flatMap((node) => [
          node.headPort,
          node.dashboardPort,
          node.clientPort,
        ]);
        const single = [settings.health.port, ...services.filter((each) => each !== undefined)].map(
          (each) => ({ min: each, max: each }),
        );
        expect(anyTwoMeet([...planPorts(settings, range).ranges, ...single])).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test("computed ports lie outside the ephemeral range, or the plan says so", () => {
    fc.assert(
      fc.property(ephemeral, (range) => {
        const { ranges, warnings } = planPorts(settingsOf({}), range);
        expect(warnings).toHaveLength(ranges.filter((each) => meet(each, range)).length);
      }),
    );
  });
});

test("a machine whose ephemeral ports begin at 10000 gets ports below them", () => {
  const ephemeral = { min: 10000, max: 65535 };
  expect(planPorts(settingsOf({}), ephemeral).ranges.every(({ max }) => max < 10000)).toBe(true);
});

test("a machine whose ephemeral ports are all of them gets the usual ports, and the sysctl that keeps them", () => {
  const { warnings } = planPorts(settingsOf({}), { min: 1024, max: 65535 });
  expect(warnings.map(({ fix }) => fix)).toContain(
    "Set other ports in config.yaml, or reserve them: sysctl net.ipv4.ip_local_reserved_ports=21010-21057",
  );
});

test("ports that config.yaml sets stay, and the rest is computed around them", () => {
  const cpu = { min_worker_port: 21100, max_worker_port: 21150, node_manager_port: 21005 };
  const { nodes } = planPorts(settingsOf({ services: { ray: { cpu } } }));
  expect(nodes["ray-cpu"]).toEqual({
    nodeManager: 21005,
    objectManager: 21201,
    dashboardAgent: 21202,
    workers: { min: 21100, max: 21150 },
  });
  expect(nodes["ray-gpu"]?.nodeManager).toBe(21300);
});

test("a port that has no key is not far from the node's other ports: two clusters find room beside each other", () => {
  const cpu = { node_manager_port: 22000, object_manager_port: 22001 };
  const { nodes } = planPorts(settingsOf({ services: { ray: { cpu } } }));
  expect(nodes["ray-cpu"]).toMatchObject({ nodeManager: 22000, dashboardAgent: 22102 });
});
