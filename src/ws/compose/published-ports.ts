import type { Problem } from "../../common/failure.ts";
import { HEALTH_NAME, type Settings, TEST_WORKER_NAME } from "../settings.ts";
import { type HostPlan, nodePlan } from "./host-plan.ts";
import type { Part } from "./names.ts";
import { type NodePorts, portUses } from "./port-plan.ts";

/** One port of the host that a container of ours takes. */
export interface PublishedPort {
  readonly service: string;
  readonly use: string;
  readonly port: number;
  /** What to change in config.yaml to have another. */
  readonly key: string;
}

/** Every host port of one compose file. Pure. */
export function publishedPorts(settings: Settings, host: HostPlan, part: Part): PublishedPort[] {
  if (part === "test")
    return peerPorts(TEST_WORKER_NAME, nodePlan(host, TEST_WORKER_NAME).ports, "cluster_test.worker_");
  const { health, nodes } = settings;
  return [
    ...(health.enabled
      ? [{ service: HEALTH_NAME, use: "health service", port: health.port, key: "services.health.port" }]
      : []),
    ...nodes.flatMap((node) => {
      const section = `${node.keyPrefix}`;
      const own = (use: string, port: number, key: string) => ({
        service: node.name,
        use,
        port,
        key: `${section}${key}`,
      });
      return [
        own("GCS", node.headPort, "head_port"),
        own("dashboard", node.dashboardPort, "dashboard_port"),
        own("Ray Client", node.clientPort, "client_port"),
        ...peerPorts(node.name, nodePlan(host, node.name).ports, section),
      ];
    }),
  ];
}

const KEYS: Readonly<Record<string, string>> = {
  "object manager": "object_manager_port",
  workers: "min_worker_port and max_worker_port",
};

const peerPorts = (service: string, ports: NodePorts, section: string): PublishedPort[] =>
  portUses(ports).flatMap(([use, { min, max }]) =>
    Array.from({ length: max - min + 1 }, (_, i) => ({
      service,
      use,
      port: min + i,
      key: `${section}${KEYS[use] ?? "node_manager_port"}`,
    })),
  );

/** A problem for each use whose ports something else on the host listens on. Ask only while nothing of ours runs. Pure. */
export function portsInUse(
  published: readonly PublishedPort[],
  listening: ReadonlySet<number>,
): readonly Problem[] {
  const uses = new Map<string, PublishedPort[]>();
  for (const each of published.filter(({ port }) => listening.has(port))) {
    const where = `${each.service}, ${each.use}`;
    uses.set(where, [...(uses.get(where) ?? []), each]);
  }
  return [...uses].flatMap(([where, [first, ...others]]) =>
    first === undefined ? [] : [inUse(where, first, others)],
  );
}

function inUse(where: string, { port, key }: PublishedPort, others: readonly PublishedPort[]): Problem {
  const what =
    others.length === 0
      ? `port ${port}`
      : `port ${port} and ${others.length} more up to ${others.at(-1)?.port}`;
  return {
    where,
    problem: `expected ${what} to be free on this machine, and something listens on it`,
    fix: `Stop that program (ss -ltnp 'sport = :${port}' shows it), or set ${key} in config.yaml.`,
  };
}
