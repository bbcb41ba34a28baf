import * as z from "zod";
import { err, ok, type Result } from "../../../common/result.ts";
import { PROJECT_LABEL } from "../../compose/names.ts";
import type { PortRange } from "../../config/settings.ts";
import { parseJson } from "./containers.ts";
import type { Engine, Refusal } from "./engine.ts";

/** Any container of the engine. */
export interface AnyContainer {
  readonly name: string;
  /** The ws project to which it belongs; undefined if none. */
  readonly project: string | undefined;
  readonly ports: readonly PortRange[];
}

export interface AnyNetwork {
  readonly name: string;
  readonly project: string | undefined;
  readonly subnets: readonly string[];
  /** A container uses it. */
  readonly inUse: boolean;
}

/** All containers and networks of the engine. */
export interface Neighbours {
  readonly containers: readonly AnyContainer[];
  readonly networks: readonly AnyNetwork[];
}

/** Lists everything that the engine has, or returns why it cannot. */
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
  // If a container went away between the two commands, the engine reports an error but lists the others.
  const text = inspected.ok ? inspected.value : (inspected.error.stdout ?? "");
  const parsed = Networks.safeParse(parseJson(text));
  if (!parsed.success)
    return inspected.ok
      ? err({ command: "docker network inspect", lines: ["its answer has an unknown form"] })
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
