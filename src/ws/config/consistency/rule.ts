import { isLoopback } from "../../../common/address.ts";
import { RAY_NODES } from "../nodes.ts";
import type { ConfigFile } from "../schema.ts";
import type { Settings } from "../types.ts";

/** What a rule across several keys says. */
export interface Inconsistency {
  /** The key to change, as `nodes.head_whitelist[0]`. */
  readonly key: string;
  /** Other keys that it compares with: one of them being wrong in itself makes the finding moot. */
  readonly against?: readonly string[];
  /** It stops nothing, and may be a slip. */
  readonly warning?: true;
  readonly problem: string;
  readonly fix: string;
}

/** The file as it was written, and what follows from it. */
export interface ConfigRead {
  readonly config: ConfigFile;
  readonly settings: Settings;
  /** Whether the file itself has a value at that key. */
  isWritten(key: string): boolean;
}

/** What a container, or another machine, is told to ask at its own loopback. */
export function* askedAtLoopback(key: string, host: string): Iterable<Inconsistency> {
  if (isLoopback(host))
    yield {
      key,
      warning: true,
      problem: `in a container ${host} is that container itself`,
      fix: `Write a service's name, such as ${RAY_NODES[0].name}, or the address of the machine that is meant.`,
    };
}

/** Each pair of the list once. */
export const pairs = <T>(list: readonly T[]): readonly (readonly [T, T])[] =>
  list.flatMap((a, i) => list.slice(i + 1).map((b) => [a, b] as const));
