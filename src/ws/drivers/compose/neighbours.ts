import * as z from "zod";
import { err, ok, type Result } from "../../../common/result.ts";
import { PROJECT_LABEL } from "../../compose/names.ts";
import type { PortRange } from "../../config/settings.ts";
import { inspectEach } from "./containers.ts";
import type { Engine, Refusal } from "./engine.ts";

/** Any container of the engine. */
export interface AnyContainer {
  readonly name: string;
  /** The ws project to which it belongs; undefined if none. */
  readonly project: string | undefined;
  readonly ports: readonly PortRange[];
}

const Network = z
  .object({
    Name: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
    IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string().optional() })).nullish() }),
    Containers: z.record(z.string(), z.unknown()).nullish(),
  })
  .transform(({ Name, Labels, IPAM, Containers }) => ({
    name: Name,
    project: Labels?.[PROJECT_LABEL],
    subnets: (IPAM.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []),
    /** A container uses it. */
    inUse: Object.keys(Containers ?? {}).length > 0,
  }));
export type AnyNetwork = z.infer<typeof Network>;

/** All containers and networks of the engine. */
export interface Neighbours {
  readonly containers: readonly AnyContainer[];
  readonly networks: readonly AnyNetwork[];
}

/** Lists everything that the engine has, or returns why it cannot. */
export async function lookAround(engine: Pick<Engine, "docker">): Promise<Result<Neighbours, string>> {
  const format = `{{.Names}}\t{{.Label "${PROJECT_LABEL}"}}\t{{.Ports}}`;
  const [listed, networks] = await Promise.all([
    engine.docker(["ps", "--all", "--no-trunc", "--format", format]),
    inspectEach(engine, ["network", "ls", "--quiet"], ["network", "inspect"], Network),
  ]);
  if (!listed.ok) return err(lastWord(listed.error));
  if (!networks.ok) return err(lastWord(networks.error));
  return ok({ containers: containersIn(listed.value), networks: networks.value });
}

const lastWord = ({ command, lines }: Refusal): string => lines.at(-1) ?? `${command} failed`;

/** The lines of `docker ps`; its warnings between them have no such columns. Pure. */
function containersIn(text: string): AnyContainer[] {
  const lines = text.split("\n").map((line) => line.split("\t"));
  return lines.flatMap(([name = "", project, ports = "", ...rest]) =>
    project === undefined || rest.length > 0
      ? []
      : [{ name, project: project || undefined, ports: publishedIn(ports) }],
  );
}

/** `0.0.0.0:6379->6379/tcp, :::21010-21057->21010-21057/tcp` as the ranges of the host. Pure. */
export const publishedIn = (text: string): PortRange[] =>
  [...text.matchAll(/:(\d+)(?:-(\d+))?->[^,]*\/tcp/g)].map(([, min, max]) => ({
    min: Number(min),
    max: Number(max ?? min),
  }));
