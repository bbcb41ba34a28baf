import type { PeerPorts, PortRange, Settings, WorkerSettings } from "../../config/settings.ts";

/** The ports of a node beside those that config.yaml always names; undefined: the kernel picks a free one. */
export interface OwnPorts extends PeerPorts {
  readonly workers: PortRange;
  readonly dashboardAgent: number;
}

const WORKERS_EACH = 1000;
const AGENT_STEP = 100;
const LAST_PORT = 65535;

/**
 * All nodes share one machine, and Ray binds most ports on every address of it: each node needs its own. They follow from
 * the ports of the first node, so that a second cluster with other ports in its config.yaml meets none of them.
 * Ray's own default range for workers (10002 to 19999) is the same for all and holds ray-gpu's client port 10002. Pure.
 */
export function ownPorts({ nodes, test }: Settings, node: WorkerSettings): OwnPorts {
  const place = [...nodes, test.worker].findIndex(({ name }) => name === node.name) + 1;
  const first = nodes[0] ?? { clientPort: 10001, dashboardPort: 8265 };
  const min = wrap(first.clientPort - 1 + WORKERS_EACH * place, WORKERS_EACH);
  return {
    ...node.peerPorts,
    workers: node.peerPorts.workers ?? { min, max: min + WORKERS_EACH - 1 },
    dashboardAgent: wrap(first.dashboardPort + AGENT_STEP * place, 1),
  };
}

/** Ports that would lie above the last one are taken from far below, where nothing of ours is. */
const wrap = (port: number, size: number): number =>
  port + size - 1 <= LAST_PORT ? port : port - LAST_PORT + 1024 + 4 * WORKERS_EACH;
