import { type Address, formatAddress } from "../../common/address.ts";
import type { Config } from "../config/config.ts";
import { optionName } from "../config/ray-words.ts";
import type { Role } from "../election/role.ts";

/** The arguments of `ray start` (Ray 2.40 to 2.60, scripts/scripts.py). The user's own words win over ours. */
export function rayStartArgs(config: Config, role: Role, rayWords: readonly string[]): string[] {
  const ours = [
    ...(role.role === "head" ? headOptions(config) : workerOptions(role.head)),
    ...nodeOptions(config),
  ];
  const given = new Set(rayWords.map(optionName));
  const kept = ours.filter(([name]) => !given.has(name));
  return ["start", ...kept.map(([name, value]) => (value === null ? name : `${name}=${value}`)), ...rayWords];
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

type Option = readonly [name: string, value: string | number | null];

function headOptions({ values, ownAddress }: Config): Option[] {
  return [
    ["--head", null],
    ["--block", null],
    ["--port", values.RAY_HEAD_PORT ?? ownAddress.port],
    ["--dashboard-host", "0.0.0.0"],
    ["--dashboard-port", values.RAY_DASHBOARD_PORT],
    ["--ray-client-server-port", values.RAY_CLIENT_PORT],
  ];
}

function workerOptions(head: Address): Option[] {
  return [
    ["--address", formatAddress(head)],
    ["--block", null],
  ];
}

function nodeOptions({ node, values }: Config): Option[] {
  const all: readonly (readonly [string, string | number | null])[] = [
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
  return all.filter(([, value]) => value !== null);
}
