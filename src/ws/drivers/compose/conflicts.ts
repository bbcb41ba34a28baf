import type { Problem } from "../../../common/failure.ts";
import { type HostPlan, type PublishedPort, portsInUse, publishedPorts } from "../../compose/host-plan.ts";
import { containerName, networkName, type Part } from "../../compose/names.ts";
import { readListeningPorts } from "../../compose/read-host.ts";
import { overlap, parseSubnet } from "../../config/ipv4.ts";
import type { PortRange, Settings } from "../../config/settings.ts";
import { servicesOf } from "../driver.ts";
import { isRemote } from "./engine.ts";
import type { AnyContainer, AnyNetwork, Neighbours } from "./neighbours.ts";
import type { Project } from "./project.ts";

/** What one start needs. */
export interface Claims {
  /** Projects whose containers and networks belong to this cluster. */
  readonly mine: readonly string[];
  readonly ports: readonly PublishedPort[];
  /** Container names by service. */
  readonly names: ReadonlyMap<string, string>;
  readonly subnet: { readonly key: string; readonly text: string };
}

/** What other clusters and programs hold that one compose file needs; checked before minutes are spent on images. */
export function blockedBy(
  { settings, formerProject, engine }: Pick<Project, "settings" | "formerProject" | "engine">,
  plan: HostPlan,
  part: Part,
  around: Neighbours,
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
export function hasMoved(settings: Settings, { networks }: Neighbours): boolean {
  const own = networks.find(({ name }) => name === networkName(settings, "main"));
  return own !== undefined && !own.subnets.includes(settings.subnet);
}

const covers = (ranges: readonly PortRange[], port: number): boolean =>
  ranges.some(({ min, max }) => min <= port && port <= max);

/** The ports that no container of this cluster publishes now. Pure. */
export const notYetOurs = ({ mine, ports }: Claims, { containers }: Neighbours): PublishedPort[] => {
  const own = containers.filter(({ project = "" }) => mine.includes(project)).flatMap((each) => each.ports);
  return ports.filter(({ port }) => !covers(own, port));
};

/** What others hold of it: one problem for each other cluster, and one for each other container or network. Pure. */
export function conflicts(claims: Claims, { containers, networks }: Neighbours): Problem[] {
  const of = <T extends { readonly project: string | undefined }>(all: readonly T[], wanted?: string) =>
    all.filter(({ project }) => project === wanted);
  const projects = new Set([...containers, ...networks].flatMap(({ project }) => project ?? []));
  return [
    ...[...projects]
      .filter((project) => !claims.mine.includes(project))
      .flatMap((project) => withCluster(project, claims, of(containers, project), of(networks, project))),
    ...of(containers).flatMap((each) => withContainer(claims, each)),
    ...of(networks).flatMap((each) => withNetwork(claims, each)),
  ];
}

const SHOWN = 6;

function withCluster(
  project: string,
  claims: Claims,
  containers: readonly AnyContainer[],
  networks: readonly AnyNetwork[],
): Problem[] {
  const published = containers.flatMap((each) => each.ports);
  const taken = claims.ports.map(({ port }) => port).filter((port) => covers(published, port));
  const ports = [...new Set(taken)].toSorted((a, b) => a - b);
  const more = ports.length > SHOWN ? ` and ${ports.length - SHOWN} more` : "";
  const names = containers.filter(({ name }) => [...claims.names.values()].includes(name));
  const held = [
    ...(ports.length === 0
      ? []
      : [`${ports.length === 1 ? "port" : "ports"} ${ports.slice(0, SHOWN).join(", ")}${more}`]),
    ...networks.flatMap((each) => meets(each, claims) ?? []).map((subnet) => `the network ${subnet}`),
    ...names.map(({ name }) => `the container name ${name}`),
  ];
  if (held.length === 0) return [];
  return [
    {
      where: `the cluster ${project}`,
      problem: `is on this machine as well, and holds what this cluster needs: ${held.join(", ")}`,
      fix: "Take it down first (ws down with its config.yaml), or give this one other ports and subnets in config.yaml.",
    },
  ];
}

/** One problem per use: a range of worker ports counts once. */
function withContainer(claims: Claims, { name, ports }: AnyContainer): Problem[] {
  const [service] = [...claims.names].find(([, each]) => each === name) ?? [];
  const held = claims.ports.filter(({ port }) => covers(ports, port));
  const uses = Map.groupBy(held, (each) => `${each.service}, ${each.use}`);
  return [
    ...(service === undefined
      ? []
      : [
          {
            where: service,
            problem: `expected the container name ${name} to be free, but a container that does not belong to this cluster has it`,
            fix: "Rename that one (docker rename), or set another project.name in config.yaml.",
          },
        ]),
    ...[...uses].flatMap(([where, [first]]) =>
      first === undefined
        ? []
        : {
            where,
            problem: `expected port ${first.port} to be free on this machine, but the container ${name} publishes it`,
            fix: `Stop that container if nobody needs it, or set ${first.key} in config.yaml.`,
          },
    ),
  ];
}

function withNetwork(claims: Claims, network: AnyNetwork): Problem[] {
  const met = meets(network, claims);
  if (met === undefined) return [];
  const { key, text } = claims.subnet;
  const problem = `expected ${text} to be free, and the engine's network ${network.name} has ${met}`;
  return [{ where: key, problem, fix: freeNetwork(key, network) }];
}

const meets = ({ subnets }: AnyNetwork, { subnet }: Claims): string | undefined =>
  subnets.find((each) => overlapping(each, subnet.text));

/** True if the two networks overlap. Pure. */
export function overlapping(a: string, b: string): boolean {
  const [one, other] = [parseSubnet(a), parseSubnet(b)];
  return one !== undefined && other !== undefined && overlap(one, other);
}

/** How to resolve a subnet conflict; it never advises to remove a network that is in use. Pure. */
export const freeNetwork = (key: string, { name, project, inUse }: AnyNetwork): string =>
  `Set another ${key}${inUse || project !== undefined ? "" : `, or remove that network, which no container uses: docker network rm ${name}`}.`;
