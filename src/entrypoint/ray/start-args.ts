import { formatAddress } from "../../common/address.ts";
import type { Config } from "../config/config.ts";
import { optionName } from "../config/ray-words.ts";
import type { Role } from "../election/role.ts";

/** True: it takes no value; null: it is not given. */
type Option = readonly [name: string, value: string | number | true | null];

/** The arguments of `ray start` (Ray 2.40 to 2.60, scripts/scripts.py). The user's own words win over ours. */
export function rayStartArgs(config: Config, role: Role): { args: string[]; foreign: number } {
  const theirs = role.role === "head" ? config.rayWords : withoutHeadOnly(config.rayWords);
  const given = new Set(theirs.map(optionName));
  const ours = [...roleOptions(config, role), ...nodeOptions(config)]
    .filter(([name, value]) => value !== null && !given.has(name))
    .map(([name, value]) => (value === true ? name : `${name}=${value}`));
  return { args: ["start", ...ours, ...theirs], foreign: theirs.length };
}

/** Options with a value that `ray start` takes only together with --head (scripts/scripts.py, 2.40 to 2.60). */
const HEAD_ONLY = new Set(["--port", "--redis-shard-ports", "--include-dashboard"]);

/** A candidate is given its words before it knows its role, and Ray refuses to start a WORKER with some of them. */
const withoutHeadOnly = (words: readonly string[]): string[] =>
  words.filter((word, i) => !HEAD_ONLY.has(words[i - 1] ?? "") && !HEAD_ONLY.has(optionName(word)));

function roleOptions({ values, ownAddress }: Config, role: Role): Option[] {
  if (role.role === "worker")
    return [
      ["--address", formatAddress(role.head)],
      ["--block", true],
    ];
  return [
    ["--head", true],
    ["--block", true],
    ["--port", values.RAY_HEAD_PORT ?? ownAddress.port],
    ["--dashboard-host", "0.0.0.0"],
    ["--dashboard-port", values.RAY_DASHBOARD_PORT],
    ["--ray-client-server-port", values.RAY_CLIENT_PORT],
  ];
}

const nodeOptions = ({ node, values }: Config): Option[] => [
  ["--node-name", node],
  ["--node-ip-address", values.NODE_IP_ADDRESS],
  ["--node-manager-port", values.NODE_MANAGER_PORT],
  ["--object-manager-port", values.OBJECT_MANAGER_PORT],
  ["--min-worker-port", values.MIN_WORKER_PORT],
  ["--max-worker-port", values.MAX_WORKER_PORT],
  ["--num-cpus", values.RAY_NUM_CPUS],
  ["--num-gpus", values.RAY_NUM_GPUS],
  ["--memory", values.RAY_MEMORY],
];
