import type { Problem } from "../../../common/failure.ts";
import { type HostPlan, type PublishedPort, portsInUse, publishedPorts } from "../../compose/host-plan.ts";
import { containerName, networkName, type Part } from "../../compose/names.ts";
import { readListeningPorts } from "../../compose/read-host.ts";
import { overlap, parseSubnet } from "../../config/ipv4.ts";
import type { Settings } from "../../config/settings.ts";
import { servicesOf } from "../driver.ts";
import { isRemote } from "./engine.ts";
import type { Neighbour } from "./neighbours.ts";
import type { Project } from "./project.ts";

export interface Claims {
  /** Projects whose containers and networks belong to this cluster. */
  readonly mine: readonly string[];
  readonly ports: readonly PublishedPort[];
  readonly names: ReadonlyMap<string, string>;
  readonly subnet: { readonly key: string; readonly text: string };
}

/** What other clusters and programs hold that one compose file needs; checked before minutes are spent on images. */
export function blockedBy(
  { settings, formerProject, engine }: Pick<Project, "settings" | "formerProject" | "engine">,
  plan: HostPlan,
  part: Part,
  around: readonly Neighbour[],
): readonly Problem[] {
  const claims: Claims = {
    mine: [settings.projectName, ...(formerProject === undefined ? [] : [formerProject])],
    ports: publishedPorts(plan, part),
    names: new Map(servicesOf(settings, part).map((service) => [service, containerName(settings, service)])),
    subnet:
      part === "main"
        ? { key: "network.subnet", text: settings.subnet }
        : { key: "cluster_test.test_network_subnet", text: settings.testSubnet },
  };
  const problems = conflicts(claims, around);
  // A port that no container has may still be used by a program, if the engine runs on this machine.
  const listening = isRemote(engine) ? new Set<number>() : readListeningPorts();
  return problems.length > 0 ? problems : portsInUse(notYetOurs(claims, around), listening);
}

/** True if this cluster's network exists with another subnet than config.yaml has now: it must be recreated. */
export const hasMoved = (settings: Settings, around: readonly Neighbour[]): boolean =>
  around.some(
    ({ kind, name, subnets }) =>
      kind === "network" && name === networkName(settings, "main") && !subnets.includes(settings.subnet),
  );

const holds = ({ ports }: Neighbour, port: number): boolean =>
  ports.some(({ min, max }) => min <= port && port <= max);

/** The ports that no container of this cluster publishes now. Pure. */
export const notYetOurs = ({ mine, ports }: Claims, around: readonly Neighbour[]): PublishedPort[] => {
  const own = around.filter(({ project = "" }) => mine.includes(project));
  return ports.filter(({ port }) => !own.some((each) => holds(each, port)));
};

/** What others hold of it: one problem for each other cluster, and one for each other container or network. Pure. */
export function conflicts(claims: Claims, around: readonly Neighbour[]): Problem[] {
  const others = around.filter(({ project = "" }) => !claims.mine.includes(project));
  const projects = new Set(others.flatMap(({ project }) => project ?? []));
  const of = (wanted?: string) => others.filter(({ project }) => project === wanted);
  return [
    ...[...projects].flatMap((project) => withCluster(project, heldBy(of(project), claims))),
    ...of(undefined).flatMap((each) => withStranger(each, claims)),
  ];
}

const heldBy = (holders: readonly Neighbour[], { ports, subnet, names }: Claims) => ({
  ports: ports.filter(({ port }) => holders.some((each) => holds(each, port))),
  subnets: holders.flatMap(({ subnets }) => subnets.find((each) => overlapping(each, subnet.text)) ?? []),
  names: [...names].filter(([, name]) =>
    holders.some((each) => each.kind === "container" && each.name === name),
  ),
});

const SHOWN = 6;

function withCluster(project: string, { ports, subnets, names }: ReturnType<typeof heldBy>): Problem[] {
  const numbers = [...new Set(ports.map(({ port }) => port))].toSorted((a, b) => a - b);
  const more = numbers.length > SHOWN ? ` and ${numbers.length - SHOWN} more` : "";
  const held = [
    ...(numbers.length === 0
      ? []
      : [`port${numbers.length === 1 ? "" : "s"} ${numbers.slice(0, SHOWN).join(", ")}${more}`]),
    ...subnets.map((subnet) => `the network ${subnet}`),
    ...names.map(([, name]) => `the container name ${name}`),
  ];
  if (held.length === 0) return [];
  return [
    {
      where: `the cluster ${project}`,
      problem: `is on this machine as well, and holds what this cluster needs: ${held.join(", ")}`,
      fix: "Take it down first, with its own config.yaml, or give this one other ports and subnets in config.yaml.",
    },
  ];
}

function withStranger(holder: Neighbour, claims: Claims): Problem[] {
  const { ports, subnets, names } = heldBy([holder], claims);
  const { key, text } = claims.subnet;
  // One problem per use: a range of worker ports counts once.
  const uses = Map.groupBy(ports, ({ service, use }) => `${service}, ${use}`);
  return [
    ...names.map(([service, name]) => ({
      where: service,
      problem: `expected the container name ${name} to be free, but a container that does not belong to this cluster has it`,
      fix: "Rename that one (docker rename), or set another project.name in config.yaml.",
    })),
    ...[...uses].flatMap(([where, [first]]) =>
      first === undefined
        ? []
        : {
            where,
            problem: `expected port ${first.port} to be free on this machine, but the container ${holder.name} publishes it`,
            fix: `Stop that container if nobody needs it, or set ${first.key} in config.yaml.`,
          },
    ),
    ...subnets.map((subnet) => ({
      where: key,
      problem: `expected ${text} to be free, and the engine's network ${holder.name} has ${subnet}`,
      fix: freeNetwork(key, holder),
    })),
  ];
}

/** True if the two networks overlap. Pure. */
export function overlapping(a: string, b: string): boolean {
  const [one, other] = [parseSubnet(a), parseSubnet(b)];
  return one !== undefined && other !== undefined && overlap(one, other);
}

/** How to resolve a subnet conflict; it never advises to remove a network that is in use. Pure. */
export const freeNetwork = (key: string, { name, project, inUse }: Neighbour): string =>
  `Set another ${key}${inUse || project !== undefined ? "" : `, or remove that network, which no container uses: docker network rm ${name}`}.`;
