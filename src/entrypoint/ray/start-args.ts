import { formatAddress } from "../../common/address.ts";
import { optionName } from "../config/args.ts";
import type { Config } from "../config/config.ts";
import { CONTRACT } from "../config/variables.ts";
import type { Role } from "../election/role.ts";

/** The arguments of `ray start` (Ray 2.40 to 2.60, scripts/scripts.py). The user's own words win over ours. */
export function rayStartArgs(config: Config, role: Role): { args: string[]; foreign: number } {
  const isHead = role.role === "head";
  const theirs = isHead ? config.rayWords : withoutHeadOnly(config.rayWords);
  const given = new Set(theirs.map(optionName));
  const ours = [
    ...(isHead
      ? ["--head", "--block", "--dashboard-host=0.0.0.0"]
      : [`--address=${formatAddress(role.head)}`, "--block"]),
    `--node-name=${config.node}`,
    ...CONTRACT.flatMap(([name, { option, headOnly }]) => {
      const value = config.values[name];
      return option === undefined || value === null || (headOnly && !isHead) ? [] : [`${option}=${value}`];
    }),
  ].filter((word) => !given.has(optionName(word)));
  return { args: ["start", ...ours, ...theirs], foreign: theirs.length };
}

/** Options with a value that `ray start` takes only together with --head (scripts/scripts.py, 2.40 to 2.60). */
const HEAD_ONLY = new Set(["--port", "--redis-shard-ports", "--include-dashboard"]);

/** A candidate is given its words before it knows its role, and Ray refuses to start a WORKER with some of them. */
const withoutHeadOnly = (words: readonly string[]): string[] =>
  words.filter((word, i) => !HEAD_ONLY.has(words[i - 1] ?? "") && !HEAD_ONLY.has(optionName(word)));
