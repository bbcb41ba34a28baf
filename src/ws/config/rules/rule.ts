import type { Settings } from "../derive.ts";
import type { ConfigFile } from "../schema.ts";

/** What several keys together may get wrong, each by what holds where it does not. */
export type Rules = Readonly<Record<string, (read: ConfigRead) => Iterable<Finding>>>;

/** The file as it was written, and what follows from it. */
interface ConfigRead {
  readonly config: ConfigFile;
  readonly settings: Settings;
  /** Whether the file itself has a value at that key. */
  isWritten(key: string): boolean;
  /** Whether there is something at that path, which is relative to the file's folder. */
  isThere(path: string): boolean;
}

export interface Finding {
  /** The key to change, as `nodes.head_whitelist[0]`, then those it is compared with: with one of them wrong in itself, this is moot. */
  readonly keys: readonly [string, ...string[]];
  /** It stops nothing, and may be a slip. */
  readonly warning?: true;
  readonly problem: string;
  readonly fix: string;
}

/** Each pair of the list once. */
export const pairs = <T>(list: readonly T[]): (readonly [T, T])[] =>
  list.flatMap((a, i) => list.slice(i + 1).map((b) => [a, b] as const));
