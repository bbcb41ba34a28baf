import { HEALTH_NAME, type PeerPorts, type PortRange, type Settings, type WorkerSettings } from "./types.ts";

/** Ports of the host that a service takes for one use. */
export interface PortUse extends PortRange {
  readonly service: string;
  readonly use: string;
  /** The key in config.yaml that says which; of a range the first of the two. */
  readonly key: string;
}

export const portsOverlap = (a: PortRange, b: PortRange): boolean => a.min <= b.max && b.min <= a.max;

/** `8265`, or `21010-21057`. */
export const formatPorts = ({ min, max }: PortRange): string => (min === max ? `${min}` : `${min}-${max}`);

/** What people and programs ask: the health service's port, and those that each node has as a HEAD. */
export const servicePorts = ({ health, nodes }: Settings): PortUse[] => [
  ...(health.enabled ? [single(HEALTH_NAME, "health service", health.port, "services.health.port")] : []),
  ...nodes.flatMap(({ name, keyPrefix, headPort, dashboardPort, clientPort }) => [
    single(name, "GCS", headPort, `${keyPrefix}head_port`),
    single(name, "dashboard", dashboardPort, `${keyPrefix}dashboard_port`),
    single(name, "Ray Client", clientPort, `${keyPrefix}client_port`),
  ]),
];

/** What the peers of a node dial, as far as it is known. No key sets the dashboard agent's port by itself. */
export function peerPorts(
  { name, keyPrefix }: WorkerSettings,
  { nodeManager, objectManager, dashboardAgent, workers }: PeerPorts & { readonly dashboardAgent?: number },
): PortUse[] {
  const one = (use: string, port: number | undefined, key: string) =>
    port === undefined ? [] : [single(name, use, port, `${keyPrefix}${key}`)];
  return [
    ...one("node manager", nodeManager, "node_manager_port"),
    ...one("object manager", objectManager, "object_manager_port"),
    ...one("dashboard agent", dashboardAgent, "node_manager_port"),
    ...(workers === undefined
      ? []
      : [{ service: name, use: "workers", key: `${keyPrefix}min_worker_port`, ...workers }]),
  ];
}

const single = (service: string, use: string, port: number, key: string): PortUse => ({
  service,
  use,
  key,
  min: port,
  max: port,
});

/** Every port that config.yaml fixes, the test worker's among them. */
export const fixedPorts = (settings: Settings): PortUse[] => [
  ...servicePorts(settings),
  ...[...settings.nodes, settings.test.worker].flatMap((node) => peerPorts(node, node.peerPorts)),
];
