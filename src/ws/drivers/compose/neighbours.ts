import * as z from "zod/mini";
import { err, ok, type Result } from "../../../common/result.ts";
import { PROJECT_LABEL } from "../../compose/names.ts";
import type { PortRange } from "../../config/settings.ts";
import { inspectEach } from "./containers.ts";
import type { Engine, Refusal } from "./engine.ts";

/** Any container or network of the engine, and what it holds. */
export interface Neighbour {
  readonly kind: "container" | "network";
  readonly name: string;
  readonly project: string | undefined;
  readonly ports: readonly PortRange[];
  readonly subnets: readonly string[];
  /** Of a network: a container uses it. */
  readonly inUse: boolean;
}

const Network = z.pipe(
  z.object({
    Name: z.string(),
    Labels: z.nullish(z.record(z.string(), z.string())),
    IPAM: z.object({ Config: z.nullish(z.array(z.object({ Subnet: z.optional(z.string()) }))) }),
    Containers: z.nullish(z.record(z.string(), z.unknown())),
  }),
  z.transform(
    ({ Name, Labels, IPAM, Containers }): Neighbour => ({
      kind: "network",
      name: Name,
      project: Labels?.[PROJECT_LABEL],
      ports: [],
      subnets: (IPAM.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []),
      inUse: Object.keys(Containers ?? {}).length > 0,
    }),
  ),
);

/** Lists everything that the engine has, or returns why it cannot. `withNetworks`: false for what uses none but the host's. */
export async function lookAround(
  engine: Pick<Engine, "docker">,
  withNetworks = true,
): Promise<Result<Neighbour[], string>> {
  const format = `{{.Names}}\t{{.Label "${PROJECT_LABEL}"}}\t{{.Ports}}`;
  const [listed, networks] = await Promise.all([
    engine.docker(["ps", "--all", "--no-trunc", "--format", format]),
    withNetworks
      ? inspectEach(engine, ["network", "ls", "--quiet"], ["network", "inspect"], Network)
      : ok([]),
  ]);
  if (!listed.ok) return err(lastWord(listed.error));
  if (!networks.ok) return err(lastWord(networks.error));
  return ok([...listed.value.split("\n").flatMap(containerIn), ...networks.value]);
}

/** What it said last of why it refused. */
export const lastWord = ({ command, lines }: Pick<Refusal, "command" | "lines">): string =>
  lines.at(-1) ?? `${command} failed`;

/** A line of `docker ps`; its warnings between them have no such columns. */
function containerIn(line: string): Neighbour[] {
  const [name = "", project, ports = "", ...rest] = line.split("\t");
  if (project === undefined || rest.length > 0) return [];
  const kind = "container" as const;
  return [{ kind, name, project: project || undefined, ports: publishedIn(ports), subnets: [], inUse: true }];
}

/** `0.0.0.0:6379->6379/tcp, :::21010-21057->21010-21057/tcp` as the ranges of the host. Pure. */
export const publishedIn = (text: string): PortRange[] =>
  [...text.matchAll(/:(\d+)(?:-(\d+))?->[^,]*\/tcp/g)].map(([, min, max = min]) => ({
    min: Number(min),
    max: Number(max),
  }));
