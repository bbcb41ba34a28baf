import type { Problem } from "../../common/failure.ts";
import { peerPorts, servicePorts } from "../config/ports.ts";
import type { Settings } from "../config/settings.ts";
import type { HostPlan } from "./host-plan.ts";
import type { Part } from "./names.ts";

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
  const nodes = part === "main" ? host.nodes : [host.testWorker];
  const uses = [
    ...(part === "main" ? servicePorts(settings) : []),
    ...nodes.flatMap((node) => peerPorts(node, node.ports)),
  ];
  return uses.flatMap(({ service, use, key, min, max }) =>
    Array.from({ length: max - min + 1 }, (_, i) => ({
      service,
      use,
      port: min + i,
      key: min === max ? key : `${key} and max_worker_port`,
    })),
  );
}

/** A problem for each use whose ports something else on the host listens on. Ask only while nothing of ours runs. Pure. */
export function portsInUse(
  published: readonly PublishedPort[],
  listening: ReadonlySet<number>,
): readonly Problem[] {
  const used = published.filter(({ port }) => listening.has(port));
  const place = ({ service, use }: PublishedPort): string => `${service}, ${use}`;
  return [...new Set(used.map(place))].flatMap((where) => {
    const [first, ...others] = used.filter((each) => place(each) === where);
    return first === undefined ? [] : [inUse(where, first, others)];
  });
}

function inUse(where: string, { port, key }: PublishedPort, others: readonly PublishedPort[]): Problem {
  const more = others.length === 0 ? "" : ` and ${others.length} more up to ${others.at(-1)?.port}`;
  return {
    where,
    problem: `expected port ${port}${more} to be free on this machine, and something listens on it`,
    fix: `Stop that program (ss -ltnp 'sport = :${port}' shows it), or set ${key} in config.yaml.`,
  };
}
