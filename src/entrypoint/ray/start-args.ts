import { formatAddress } from "../../common/address.ts";
import { optionName } from "../config/args.ts";
import type { Config } from "../config/config.ts";
import { CONTRACT } from "../config/variables.ts";
import type { Role } from "../election/role.ts";

/** The arguments of `ray start` (Ray 2.40 to 2.60, scripts/scripts.py). The user's own words win over ours. */
export function rayStartArgs(config: Config, role: Role, rayWords: readonly string[]): string[] {
  const isHead = role.role === "head";
  const ours = [
    ...(isHead ? ["--head"] : [`--address=${formatAddress(role.head)}`]),
    "--block",
    ...(isHead ? ["--dashboard-host=0.0.0.0"] : []),
    `--node-name=${config.node}`,
    ...CONTRACT.flatMap(([name, { option, headOnly }]) => {
      const value = config.values[name];
      return option === undefined || value === null || (headOnly && !isHead) ? [] : [`${option}=${value}`];
    }),
  ];
  const given = new Set(rayWords.map(optionName));
  return ["start", ...ours.filter((word) => !given.has(optionName(word))), ...rayWords];
}

/** Options with a value that `ray start` takes only together with --head (scripts/scripts.py, 2.40 to 2.60). */
const HEAD_ONLY = new Set(["--port", "--redis-shard-ports", "--include-dashboard"]);

/** A candidate is given its words before it knows its role, and Ray refuses to start a WORKER with some of them. */
export function withoutHeadOnly(words: readonly string[]): string[] {
  return words.filter((word, i) => {
    const before = words[i - 1];
    const isValue = before !== undefined && HEAD_ONLY.has(before);
    return !isValue && !HEAD_ONLY.has(optionName(word));
  });
}
