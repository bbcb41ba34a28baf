import { fixedPorts, formatPorts, overlap, type PortUse } from "../ports.ts";
import type { WorkerSettings } from "../types.ts";
import { type Cluster, type Finding, pairs, type Rule } from "./rule.ts";

/** The engine publishes each of them by itself: some thousands take it minutes, and gigabytes for docker-proxy. */
const MAX_WORKER_PORTS = 1000;

/** All ports are published on one host, so that each may be taken once; a worker range has both its ends. */
export const checkPorts: Rule = (cluster) => {
  const { settings } = cluster;
  const clashes = pairs(fixedPorts(settings)).filter(([a, b]) => overlap(a, b));
  const ranges = [...settings.nodes, settings.test.worker];
  return [...ranges.flatMap((node) => checkRange(cluster, node)), ...clashes.map(clash)];
};

function checkRange(
  { isWritten }: Cluster,
  { keyPrefix, peerPorts: { workers } }: WorkerSettings,
): Finding[] {
  const [first, last] = [`${keyPrefix}min_worker_port`, `${keyPrefix}max_worker_port`];
  if (workers === undefined) {
    const [there, missing] = isWritten(first) ? [first, last] : [last, first];
    return isWritten(there) ? [halfRange(there, missing)] : [];
  }
  const { min, max } = workers;
  const range = { key: last, against: [first] };
  if (min > max)
    return [
      {
        ...range,
        problem: `expected the last worker port at or above the first, ${min}, got ${max}`,
        fix: "Swap the two.",
      },
    ];
  const count = max - min + 1;
  if (count <= MAX_WORKER_PORTS) return [];
  return [
    {
      ...range,
      problem: `expected at most ${MAX_WORKER_PORTS} worker ports, got ${count}: each is published by itself`,
      fix: "Narrow the range; a node needs one port for each worker process, some 100 are plenty.",
    },
  ];
}

const halfRange = (key: string, missing: string): Finding => ({
  key,
  against: [missing],
  problem: `expected both ends of the worker ports, got no ${missing.split(".").at(-1)}`,
  fix: "Set both, or leave both out to have them computed.",
});

const clash = ([a, b]: readonly [PortUse, PortUse]): Finding => ({
  key: b.key,
  against: [a.key],
  problem: `expected ports that nothing else takes on the host, got ${formatPorts(b)}, and ${a.key} has ${formatPorts(a)}`,
  fix: "Give each its own.",
});
