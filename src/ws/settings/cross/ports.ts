import type { KeyPath } from "../document.ts";
import type { ConfigFile } from "../schema.ts";
import type { PortRange } from "../types.ts";
import { enabledServices, type Finding, pairs } from "./finding.ts";

interface Claim extends PortRange {
  readonly path: KeyPath;
}

interface PeerPortKeys {
  readonly node_manager_port?: number | undefined;
  readonly object_manager_port?: number | undefined;
  readonly min_worker_port?: number | undefined;
  readonly max_worker_port?: number | undefined;
}

interface PeerPortSource {
  readonly keys: PeerPortKeys;
  /** The path of one of the four keys. */
  readonly path: (key: keyof PeerPortKeys) => KeyPath;
}

/** All ports are published on one host, so that each may be taken once; a worker range has both its ends. */
export function checkPorts(config: ConfigFile): readonly Finding[] {
  const sources = peerPortSources(config);
  const claims = [...servicePorts(config), ...sources.flatMap(peerClaims)];
  const clashes = pairs(claims).filter(([a, b]) => a.min <= b.max && b.min <= a.max);
  return [...sources.flatMap(checkRange), ...clashes.map(clash)];
}

function servicePorts(config: ConfigFile): Claim[] {
  const { health } = config.services;
  return [
    ...(health.enabled ? [single(["services", "health", "port"], health.port)] : []),
    ...enabledServices(config).flatMap(({ path, service }) => [
      single([...path, "head_port"], service.head_port),
      single([...path, "dashboard_port"], service.dashboard_port),
      single([...path, "client_port"], service.client_port),
    ]),
  ];
}

const single = (path: KeyPath, port: number): Claim => ({ path, min: port, max: port });

function peerPortSources(config: ConfigFile): PeerPortSource[] {
  const test = config.cluster_test;
  return [
    ...enabledServices(config).map(({ path, service }) => ({
      keys: service,
      path: (key: keyof PeerPortKeys) => [...path, key],
    })),
    {
      keys: {
        node_manager_port: test.worker_node_manager_port,
        object_manager_port: test.worker_object_manager_port,
        min_worker_port: test.worker_min_worker_port,
        max_worker_port: test.worker_max_worker_port,
      },
      path: (key) => ["cluster_test", `worker_${key}`],
    },
  ];
}

function peerClaims({ keys, path }: PeerPortSource): Claim[] {
  const { min_worker_port: min, max_worker_port: max } = keys;
  const singles = (["node_manager_port", "object_manager_port"] as const).flatMap((key) => {
    const port = keys[key];
    return port === undefined ? [] : [single(path(key), port)];
  });
  const range = min === undefined || max === undefined ? [] : [{ path: path("min_worker_port"), min, max }];
  return [...singles, ...range];
}

function checkRange({ keys, path }: PeerPortSource): Finding[] {
  const { min_worker_port: min, max_worker_port: max } = keys;
  if (min === undefined && max === undefined) return [];
  if (min === undefined || max === undefined) {
    const [missing, there] =
      min === undefined
        ? (["min_worker_port", "max_worker_port"] as const)
        : (["max_worker_port", "min_worker_port"] as const);
    return [
      {
        severity: "problem",
        path: path(there),
        against: [path(missing)],
        problem: `expected both ends of the worker ports, got no ${path(missing).at(-1)}`,
        fix: "Set both, or leave both out to have them computed.",
      },
    ];
  }
  if (min > max) return [backwards(path("max_worker_port"), path("min_worker_port"), min, max)];
  const count = max - min + 1;
  return count <= MOST_WORKER_PORTS ? [] : [tooMany(path("max_worker_port"), path("min_worker_port"), count)];
}

/** The engine publishes each of them by itself: some thousands take it minutes, and gigabytes for docker-proxy. */
const MOST_WORKER_PORTS = 1000;

const tooMany = (path: KeyPath, against: KeyPath, count: number): Finding => ({
  severity: "problem",
  path,
  against: [against],
  problem: `expected at most ${MOST_WORKER_PORTS} worker ports, got ${count}: each is published by itself`,
  fix: "Narrow the range; a node needs one port for each worker process, some 100 are plenty.",
});

const backwards = (path: KeyPath, against: KeyPath, min: number, max: number): Finding => ({
  severity: "problem",
  path,
  against: [against],
  problem: `expected the last worker port at or above the first, ${min}, got ${max}`,
  fix: "Swap the two.",
});

function clash([a, b]: readonly [Claim, Claim]): Finding {
  const show = ({ min, max }: PortRange) => (min === max ? `${min}` : `${min}-${max}`);
  return {
    severity: "problem",
    path: b.path,
    against: [a.path],
    problem: `expected ports that nothing else takes on the host, got ${show(b)}, and ${a.path.join(".")} has ${show(a)}`,
    fix: "Give each its own.",
  };
}
