import { dirname, join } from "node:path";
import { type Address, formatAddress } from "../../common/address.ts";
import { optionName, optionOf } from "../config/args.ts";
import { type RayUser, SYSTEM_ENV, withoutOurs } from "../config/become.ts";
import type { Config } from "../config/config.ts";
import type { LocalFact } from "../config/local.ts";
import { CONTRACT } from "../config/variables.ts";
import type { Role } from "../election/role.ts";
import { chooseStore, type StoreChoice, storeEnvironment } from "./store/choice.ts";

/** A program with the user and the environment that it runs under. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** How many arguments at the end of `args` come from the user; any of them may be a secret. */
  readonly foreign: number;
  readonly env: Readonly<Record<string, string>>;
  /** Null: the user that we already are. */
  readonly user: RayUser | null;
  /** The name in front of its output in our log; null: it writes to our output directly. */
  readonly speaksAs: "ray" | "pip" | null;
}

/** What is to be run, and how it is known that it works. */
export interface Plan {
  readonly role: "head" | "worker";
  readonly start: Command;
  /** Where a HEAD keeps the state of its cluster; null for a WORKER. */
  readonly store: StoreChoice | null;
  /** Ready: the GCS at `gcs` lists a node named `nodeName` as ALIVE that it did not list before. */
  readonly ready: { readonly gcs: Address; readonly nodeName: string; readonly timeoutMs: number };
  /** When what has not drained after a stop is killed. */
  readonly killAfterMs: number;
}

export interface PlanInput {
  readonly config: Config;
  readonly local: LocalFact;
  /** The environment that we were given. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Our output is a terminal, where colours are useful. */
  readonly terminal?: boolean;
}

/** Where Ray keeps its sessions; the default is Ray's own (ray/_common/utils.py, 2.60). */
export const tempDirOf = ({ config, env }: Pick<PlanInput, "config" | "env">): string =>
  optionOf(config.rayWords, "--temp-dir") ?? `${env.RAY_TMPDIR ?? env.TMPDIR ?? "/tmp"}/ray`;

/** Our KILL must come, and be seen to work, before the engine's. */
const KILL_BEFORE_GRACE_MS = 1500;
/** Ray's drain must be over before our KILL: TERM, 1 s, KILL of its children come after it (docs/faults.md 1.1). */
const DRAIN_BEFORE_GRACE_MS = 4000;

/** Turns a role into an exact command. Pure. */
export function planRayStart(input: PlanInput, role: Role): Plan {
  const { config, local } = input;
  const around = surroundings("ray", input);
  const store = role.role === "head" ? chooseStore(input, role) : null;
  const start = {
    ...around,
    env: { ...storeEnvironment(input, store), ...around.env },
    file: local.ray.path,
    ...rayStartArgs(config, role),
  };
  return {
    role: role.role,
    ...{ start, store },
    ready: {
      gcs: role.role === "head" ? ownGcs(config) : role.head,
      nodeName: optionOf(start.args, "--node-name") ?? config.node,
      timeoutMs: config.values.RAY_EP_READY_TIMEOUT,
    },
    killAfterMs: Math.max(config.values.RAY_EP_STOP_GRACE - KILL_BEFORE_GRACE_MS, 500),
  };
}

/** The arguments of `ray start` (Ray 2.40 to 2.60, scripts/scripts.py). The user's own words win over ours. */
function rayStartArgs(config: Config, role: Role): { args: string[]; foreign: number } {
  const isHead = role.role === "head";
  const theirs = isHead ? config.rayWords : withoutHeadOnly(config.rayWords);
  const given = new Set(theirs.map(optionName));
  const options = (ofHeads: boolean) =>
    CONTRACT.flatMap(([name, { option, headOnly = false }]) => {
      const value = config.values[name];
      return option === undefined || value === null || headOnly !== ofHeads ? [] : [`${option}=${value}`];
    });
  const ours = [
    ...(isHead
      ? ["--head", "--block", ...options(true), "--dashboard-host=0.0.0.0"]
      : [`--address=${formatAddress(role.head)}`, "--block"]),
    `--node-name=${config.node}`,
    ...options(false),
  ].filter((word) => !given.has(optionName(word)));
  return { args: ["start", ...ours, ...theirs], foreign: theirs.length };
}

/** Options with a value that `ray start` takes only together with --head (scripts/scripts.py, 2.40 to 2.60). */
const HEAD_ONLY = new Set(["--port", "--redis-shard-ports", "--include-dashboard"]);

/** A candidate is given its words before it knows its role, and Ray refuses to start a WORKER with some of them. */
const withoutHeadOnly = (words: readonly string[]): string[] =>
  words.filter((word, i) => !HEAD_ONLY.has(words[i - 1] ?? "") && !HEAD_ONLY.has(optionName(word)));

/**
 * What is to be installed before anything is decided, one command for each requirements file: a HEAD that held the lease
 * and still installed would keep its cluster waiting, or lose the lease over it. Pure.
 */
export function planInstall(input: PlanInput): Command[] {
  const { ray, requirements } = input.local;
  const common = { ...surroundings("pip", input), file: join(dirname(ray.path), "python"), foreign: 0 };
  const install = ["-m", "pip", "install", "--disable-pip-version-check", "-r"];
  return requirements.map((file) => ({ ...common, args: [...install, file] }));
}

function surroundings(
  name: "ray" | "pip",
  { config, env, local, terminal }: PlanInput,
): Pick<Command, "env" | "user" | "speaksAs"> {
  const { name: USER, home: HOME, shell: SHELL } = local.rayUser;
  const login = { HOME, USER, LOGNAME: USER, SHELL };
  const bin = dirname(local.ray.path);
  const rest = (env.PATH ?? SYSTEM_ENV.PATH).split(":").filter((folder) => folder !== bin);
  const drainS = Math.max(0, Math.floor((config.values.RAY_EP_STOP_GRACE - DRAIN_BEFORE_GRACE_MS) / 1000));
  // With RAY_LOG_TO_STDERR all of Ray's logs come that way (ray_logging.py, 2.40 to 2.60): too much to pass through us.
  const direct = (terminal && !env.NO_COLOR) || env.RAY_LOG_TO_STDERR === "1";
  return {
    user: local.becomes,
    speaksAs: direct ? null : name,
    env: {
      RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S: String(drainS),
      ...login,
      ...withoutOurs(env),
      ...(local.becomes === null ? {} : login),
      // Unlike on a HEAD, `ray start` on a WORKER does not turn token mode on by itself.
      RAY_AUTH_MODE: config.auth.mode,
      PATH: [bin, ...rest].join(":"),
    },
  };
}

/**
 * Where our own GCS is asked. Ray binds the node's address, which is the advertised name's, not always loopback. Where a
 * port mapping lies between, the address by which others know it is not this node's own.
 */
function ownGcs({ values, ownAddress, node, headPort: port }: Config): Address {
  return { host: values.NODE_IP_ADDRESS ?? (port === ownAddress.port ? ownAddress.host : node), port };
}
