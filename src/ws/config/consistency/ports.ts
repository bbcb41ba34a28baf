import { fixedPorts, formatPorts, portsOverlap } from "../ports.ts";
import type { WorkerSettings } from "../types.ts";
import { type ConfigRead, type Inconsistency, pairs } from "./rule.ts";

/** The engine publishes each of them by itself: some thousands take it minutes, and gigabytes for docker-proxy. */
const MAX_WORKER_PORTS = 1000;

/** All ports are published on one host, so that each may be taken once; a worker range has both its ends. */
export function* checkPorts(read: ConfigRead): Iterable<Inconsistency> {
  const { nodes, test } = read.settings;
  for (const node of [...nodes, test.worker]) yield* checkRange(read, node);
  for (const [a, b] of pairs(fixedPorts(read.settings)))
    if (portsOverlap(a, b))
      yield {
        key: b.key,
        against: [a.key],
        problem: `expected ports that nothing else takes on the host, got ${formatPorts(b)}, and ${a.key} has ${formatPorts(a)}`,
        fix: "Give each its own.",
      };
}

function* checkRange(
  { isWritten }: ConfigRead,
  { keyPrefix, peerPorts: { workers } }: WorkerSettings,
): Iterable<Inconsistency> {
  const [first, last] = [`${keyPrefix}min_worker_port`, `${keyPrefix}max_worker_port`];
  if (workers === undefined) {
    const [there, missing] = isWritten(first) ? [first, last] : [last, first];
    if (!isWritten(there)) return;
    yield {
      key: there,
      against: [missing],
      problem: `expected both ends of the worker ports, got no ${missing.split(".").at(-1)}`,
      fix: "Set both, or leave both out to have them computed.",
    };
    return;
  }
  const { min, max } = workers;
  const count = max - min + 1;
  if (count < 1)
    yield {
      key: last,
      against: [first],
      problem: `expected the last worker port at or above the first, ${min}, got ${max}`,
      fix: "Swap the two.",
    };
  if (count > MAX_WORKER_PORTS)
    yield {
      key: last,
      against: [first],
      problem: `expected at most ${MAX_WORKER_PORTS} worker ports, got ${count}: each is published by itself`,
      fix: "Narrow the range; a node needs one port for each worker process, some 100 are plenty.",
    };
}
