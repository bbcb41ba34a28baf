import { isLoopback } from "../../../common/address.ts";
import type { KeyPath } from "../document.ts";
import type { ConfigFile } from "../schema.ts";

/** What a check across several keys says. */
export interface Finding {
  readonly severity: "problem" | "warning";
  /** The key to change. */
  readonly path: KeyPath;
  /** Other keys that it compares with: one of them being wrong in itself makes the finding moot. */
  readonly against?: readonly KeyPath[];
  readonly problem: string;
  readonly fix: string;
}

export type CrossCheck = (config: ConfigFile) => readonly Finding[];

/** A Ray service of the file with the name of its node. */
export interface NamedService {
  readonly name: "ray-cpu" | "ray-gpu";
  readonly path: KeyPath;
  readonly service: ConfigFile["services"]["ray"]["cpu"];
}

export const rayServices = ({ services }: ConfigFile): readonly NamedService[] => [
  { name: "ray-cpu", path: ["services", "ray", "cpu"], service: services.ray.cpu },
  { name: "ray-gpu", path: ["services", "ray", "gpu"], service: services.ray.gpu },
];

export const enabledServices = (config: ConfigFile): readonly NamedService[] =>
  rayServices(config).filter(({ service }) => service.enabled);

/** What a container, or another machine, is told to ask at its own loopback. */
export const askedAtLoopback = (path: KeyPath, host: string): Finding[] =>
  isLoopback(host)
    ? [
        {
          severity: "warning",
          path,
          problem: `in a container ${host} is that container itself`,
          fix: "Write a service's name, such as ray-cpu, or the address of the machine that is meant.",
        },
      ]
    : [];

/** Each pair of the list once. */
export const pairs = <T>(list: readonly T[]): readonly (readonly [T, T])[] =>
  list.flatMap((a, i) => list.slice(i + 1).map((b) => [a, b] as const));
