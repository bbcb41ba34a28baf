import type { PeerPorts, PortRange, Settings, WorkerSettings } from "./derive.ts";
import { HEALTH_NAME } from "./nodes.ts";

/** Ports of the host that a service takes for one use. */
export interface PortUse extends PortRange {
  readonly service: string;
  readonly use: string;
  /** The key in config.yaml that says which; of a range the first of the two. */
  readonly key: string;
}

export const portsOverlap = (a: PortRange, b: PortRange): boolean => a.min <= b.max && b.min <= a.max;

/** As compose writes them: 8265, or 21010-21057. */
export const formatPorts = ({ min, max }: PortRange): string => (min === max ? `${min}` : `${min}-${max}`);

/** What people and programs ask: the health service's port, and those that each node has as a HEAD. */
export const servicePorts = ({ health, nodes }: Pick<Settings, "health" | "nodes">): PortUse[] => [
  ...(health.enabled ? one(HEALTH_NAME, "health service", health.port, "services.health.port") : []),
  ...nodes.flatMap(({ name, keyPrefix, headPort, dashboardPort, clientPort }) => [
    ...one(name, "GCS", headPort, `${keyPrefix}head_port`),
    ...one(name, "dashboard", dashboardPort, `${keyPrefix}dashboard_port`),
    ...one(name, "Ray Client", clientPort, `${keyPrefix}client_port`),
  ]),
];

/** What the peers of a node dial, as far as it is known. No key sets the dashboard agent's port by itself. */
export const peerPorts = (
  { name, keyPrefix }: WorkerSettings,
  { nodeManager, objectManager, dashboardAgent, workers }: PeerPorts & { readonly dashboardAgent?: number },
): PortUse[] => [
  ...one(name, "node manager", nodeManager, `${keyPrefix}node_manager_port`),
  ...one(name, "object manager", objectManager, `${keyPrefix}object_manager_port`),
  ...one(name, "dashboard agent", dashboardAgent, `${keyPrefix}node_manager_port`),
  ...(workers ? [{ service: name, use: "workers", key: `${keyPrefix}min_worker_port`, ...workers }] : []),
];

const one = (service: string, use: string, port: number | undefined, key: string): PortUse[] =>
  port === undefined ? [] : [{ service, use, key, min: port, max: port }];

/** Every port that config.yaml fixes, the test worker's among them. */
export const fixedPorts = (settings: Pick<Settings, "health" | "nodes" | "test">): PortUse[] => [
  ...servicePorts(settings),
  ...[...settings.nodes, settings.test.worker].flatMap((node) => peerPorts(node, node.peerPorts)),
];
