import type { Problem } from "../../../common/failure.ts";
import type { PublishedPort } from "../../compose/ports.ts";
import { overlap, parseSubnet } from "../../config/ipv4.ts";
import type { AnyContainer, AnyNetwork, Neighbours } from "./neighbours.ts";

/** What one start needs. */
export interface Claims {
  /** Projects whose containers and networks belong to this cluster. */
  readonly mine: readonly string[];
  readonly ports: readonly PublishedPort[];
  /** Container names by service. */
  readonly names: ReadonlyMap<string, string>;
  readonly subnet: { readonly key: string; readonly text: string };
}

const isMine = ({ mine }: Pick<Claims, "mine">, { project }: { readonly project: string | undefined }) =>
  project !== undefined && mine.includes(project);

/** The ports that no container of this cluster publishes now. Pure. */
export const notYetOurs = (claims: Claims, { containers }: Neighbours): PublishedPort[] => {
  const own = containers.filter((each) => isMine(claims, each)).flatMap(({ ports }) => ports);
  return claims.ports.filter(({ port }) => !own.some(({ min, max }) => min <= port && port <= max));
};

/** What others hold of it: one problem for each other cluster, and one for each other container or network. Pure. */
export function conflicts(claims: Claims, around: Neighbours): Problem[] {
  const containers = around.containers.filter((each) => !isMine(claims, each));
  const networks = around.networks.filter((each) => !isMine(claims, each));
  const projects = [...new Set([...containers, ...networks].flatMap(({ project }) => project ?? []))];
  return [
    ...projects.flatMap((project) => withProject(project, claims, { containers, networks })),
    ...containers
      .filter(({ project }) => project === undefined)
      .flatMap((each) => withContainer(claims, each)),
    ...networks.filter(({ project }) => project === undefined).flatMap((each) => withNetwork(claims, each)),
  ];
}

const heldBy = ({ ports }: AnyContainer, wanted: readonly PublishedPort[]): number[] =>
  wanted.map(({ port }) => port).filter((port) => ports.some(({ min, max }) => min <= port && port <= max));

const meets = ({ subnets }: AnyNetwork, { subnet }: Claims): string | undefined =>
  subnets.find((each) => overlapping(each, subnet.text));

/** True if the two networks overlap. Pure. */
export function overlapping(a: string, b: string): boolean {
  const [one, other] = [parseSubnet(a), parseSubnet(b)];
  return one !== undefined && other !== undefined && overlap(one, other);
}

function withProject(project: string, claims: Claims, { containers, networks }: Neighbours): Problem[] {
  const its = containers.filter((each) => each.project === project);
  const ports = [...new Set(its.flatMap((each) => heldBy(each, claims.ports)))].toSorted((a, b) => a - b);
  const names = its.map(({ name }) => name).filter((name) => [...claims.names.values()].includes(name));
  const subnets = networks
    .filter((each) => each.project === project)
    .flatMap((each) => meets(each, claims) ?? []);
  const held = [
    ...(ports.length === 0 ? [] : [`${ports.length === 1 ? "port" : "ports"} ${shortList(ports)}`]),
    ...subnets.map((subnet) => `the network ${subnet}`),
    ...names.map((name) => `the container name ${name}`),
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

const SHOWN = 6;
const shortList = (ports: readonly number[]): string =>
  `${ports.slice(0, SHOWN).join(", ")}${ports.length > SHOWN ? ` and ${ports.length - SHOWN} more` : ""}`;

function withContainer({ ports, names }: Claims, container: AnyContainer): Problem[] {
  const { name } = container;
  const held = heldBy(container, ports);
  const service = [...names].find(([, each]) => each === name)?.[0];
  // One problem per use: a range of worker ports counts once.
  const uses = new Map<string, PublishedPort>();
  for (const each of ports.filter(({ port }) => held.includes(port))) {
    const where = `${each.service}, ${each.use}`;
    if (!uses.has(where)) uses.set(where, each);
  }
  const taken = [...uses].map(([where, { port, key }]) => ({
    where,
    problem: `expected port ${port} to be free on this machine, but the container ${name} publishes it`,
    fix: `Stop that container if nobody needs it, or set ${key} in config.yaml.`,
  }));
  return service === undefined ? taken : [nameTaken(service, name), ...taken];
}

const nameTaken = (where: string, name: string): Problem => ({
  where,
  problem: `expected the container name ${name} to be free, but a container that does not belong to this cluster has it`,
  fix: "Rename that one (docker rename), or set another project.name in config.yaml.",
});

function withNetwork(claims: Claims, network: AnyNetwork): Problem[] {
  const met = meets(network, claims);
  if (met === undefined) return [];
  const { key, text } = claims.subnet;
  return [
    {
      where: key,
      problem: `expected ${text} to be free, and the engine's network ${network.name} has ${met}`,
      fix: freeNetwork(key, network),
    },
  ];
}

/** How to resolve a subnet conflict; it never advises to remove a network that is in use. Pure. */
export const freeNetwork = (key: string, { name, project, inUse }: AnyNetwork): string =>
  `Set another ${key}${inUse || project !== undefined ? "" : `, or remove that network, which no container uses: docker network rm ${name}`}.`;
