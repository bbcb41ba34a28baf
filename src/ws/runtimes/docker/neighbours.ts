import * as z from "zod";
import type { Problem } from "../../../common/failure.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import { PROJECT_LABEL } from "../../compose/names.ts";
import type { PublishedPort } from "../../compose/published-ports.ts";
import { overlap, parseSubnet } from "../../settings/ipv4.ts";
import type { PortRange } from "../../settings.ts";
import { parseJson } from "./containers.ts";
import type { Engine, Refusal } from "./engine.ts";

/** A container of the engine, whoever made it. */
interface AnyContainer {
  readonly name: string;
  /** The project of ws that it belongs to; undefined: none. */
  readonly project: string | undefined;
  readonly ports: readonly PortRange[];
}

export interface AnyNetwork {
  readonly name: string;
  readonly project: string | undefined;
  readonly subnets: readonly string[];
  /** Something runs in it. */
  readonly inUse: boolean;
}

/** What the engine has. */
export interface Neighbours {
  readonly containers: readonly AnyContainer[];
  readonly networks: readonly AnyNetwork[];
}

/** Looks at everything that the engine has; an error is why it does not say. */
export async function lookAround({ docker }: Pick<Engine, "docker">): Promise<Result<Neighbours, string>> {
  const [containers, networks] = await Promise.all([allContainers(docker), allNetworks(docker)]);
  if (!containers.ok) return err(lastWord(containers.error));
  if (!networks.ok) return err(lastWord(networks.error));
  return ok({ containers: containers.value, networks: networks.value });
}

const lastWord = ({ command, lines }: Refusal): string => lines.at(-1) ?? `${command} failed`;

async function allContainers(docker: Engine["docker"]): Promise<Result<AnyContainer[], Refusal>> {
  const format = `{{.Names}}\t{{.Label "${PROJECT_LABEL}"}}\t{{.Ports}}`;
  const listed = await docker(["ps", "--all", "--no-trunc", "--format", format]);
  if (!listed.ok) return listed;
  const lines = listed.value.split("\n").map((line) => line.split("\t"));
  return ok(
    lines.flatMap(([name = "", project, ports = "", ...rest]) =>
      project === undefined || rest.length > 0
        ? []
        : [{ name, project: project || undefined, ports: publishedIn(ports) }],
    ),
  );
}

/** `0.0.0.0:6379->6379/tcp, :::21010-21057->21010-21057/tcp` as the ranges of the host. Pure. */
export const publishedIn = (text: string): PortRange[] =>
  [...text.matchAll(/:(\d+)(?:-(\d+))?->[^,]*\/tcp/g)].map(([, min, max]) => ({
    min: Number(min),
    max: Number(max ?? min),
  }));

const Networks = z.array(
  z.object({
    Name: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
    IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string().optional() })).nullish() }),
    Containers: z.record(z.string(), z.unknown()).nullish(),
  }),
);

async function allNetworks(docker: Engine["docker"]): Promise<Result<AnyNetwork[], Refusal>> {
  const listed = await docker(["network", "ls", "--quiet"]);
  if (!listed.ok) return listed;
  const ids = listed.value.split("\n").filter((line) => /^[0-9a-f]{12,64}$/.test(line));
  if (ids.length === 0) return ok([]);
  const inspected = await docker(["network", "inspect", ...ids]);
  // One that went away between the two commands is an error to the engine; the others are listed all the same.
  const text = inspected.ok ? inspected.value : (inspected.error.stdout ?? "");
  const parsed = Networks.safeParse(parseJson(text));
  if (!parsed.success)
    return inspected.ok
      ? err({ command: "docker network inspect", lines: ["its answer is not what we know"] })
      : inspected;
  return ok(
    parsed.data.map(({ Name, Labels, IPAM, Containers }) => ({
      name: Name,
      project: Labels?.[PROJECT_LABEL],
      subnets: (IPAM.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []),
      inUse: Object.keys(Containers ?? {}).length > 0,
    })),
  );
}

/** What one start takes. */
export interface Claims {
  /** Names of projects whose things are this cluster's own. */
  readonly mine: readonly string[];
  readonly ports: readonly PublishedPort[];
  /** Container names by service. */
  readonly names: ReadonlyMap<string, string>;
  readonly subnet: { readonly key: string; readonly text: string };
}

const isMine = ({ mine }: Pick<Claims, "mine">, { project }: { readonly project: string | undefined }) =>
  project !== undefined && mine.includes(project);

/** Those of the ports that no container of this cluster publishes now. Pure. */
export const notYetOurs = (claims: Claims, { containers }: Neighbours): PublishedPort[] => {
  const own = containers.filter((each) => isMine(claims, each)).flatMap(({ ports }) => ports);
  return claims.ports.filter(({ port }) => !own.some(({ min, max }) => min <= port && port <= max));
};

/** What others hold of that: one problem for each other cluster, and one for each single thing. Pure. */
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

/** True where the two networks share an address. Pure. */
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
      problem: `is on this machine as well, and has what this one needs: ${held.join(", ")}`,
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
  const own = [...names].find(([, each]) => each === name)?.[0];
  const uses = ports.filter(({ port }) => held.includes(port));
  return [
    ...(own === undefined
      ? []
      : [
          {
            where: own,
            problem: `expected the container name ${name} to be free, and a container that is not of this cluster has it`,
            fix: "Rename that one (docker rename), or set another project.name in config.yaml.",
          },
        ]),
    ...[...new Set(uses.map(({ service, use }) => `${service}, ${use}`))].flatMap((where) => {
      const [first] = uses.filter(({ service, use }) => `${service}, ${use}` === where);
      return first === undefined
        ? []
        : [
            {
              where,
              problem: `expected port ${first.port} to be free on this machine, and the container ${name} publishes it`,
              fix: `Stop that container if nobody needs it, or set ${first.key} in config.yaml.`,
            },
          ];
    }),
  ];
}

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

/** How to get a subnet that a network has; never by removing one that something runs in. Pure. */
export const freeNetwork = (key: string, { name, project, inUse }: AnyNetwork): string =>
  `Set another ${key}${inUse || project !== undefined ? "" : `, or remove that network, which nothing runs in: docker network rm ${name}`}.`;
