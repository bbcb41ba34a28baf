import { isIPv4 } from "node:net";
import { isLoopback } from "../../common/address.ts";
import { modeIn, noHealthToken } from "../../common/auth-token.ts";
import { readEnvironment } from "../../common/environment.ts";
import type { Problem } from "../../common/failure.ts";
import { shownPath } from "../../common/output/shown.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { optionName, optionOf } from "./args.ts";
import { type Config, configFrom, type Surroundings } from "./config.ts";
import type { OwnInterface } from "./identity.ts";
import { VARIABLES, type Values } from "./variables.ts";

/** Reads the environment into a Config, or lists every problem at once. Never throws, never reads the world. */
export function readConfig(surroundings: Surroundings): Result<Config, readonly Problem[]> {
  const { env, rayWords, interfaces, tls } = surroundings;
  const { values, texts, problems } = readEnvironment(VARIABLES, {
    ...env,
    // Words for `ray start` win over variables, and the whole node has to know of these two.
    RAY_HEAD_PORT: optionOf(rayWords, "--port") ?? env.RAY_HEAD_PORT,
    NODE_IP_ADDRESS: optionOf(rayWords, "--node-ip-address") ?? env.NODE_IP_ADDRESS,
  });
  const config = configFrom(values, texts, surroundings);
  const wrong = new Set(problems.map(({ where }) => where));
  // Where one of two variables could not be read, nothing is known of the two together.
  const conflicts = [...findConflicts(config, surroundings), ...findSharedPorts(config.values)].filter(
    ({ where, related = [] }) => ![...where.split(", "), ...related].some((name) => wrong.has(name)),
  );
  const all = [
    ...problems,
    ...findForeignWords(rayWords),
    ...conflicts,
    ...findTokenProblems(config, env),
    ...(tls?.problems ?? []),
  ];
  return all.length > 0 ? err(all.map((each) => withOwnAddresses(each, interfaces))) : ok(config);
}

/** The role is what this program decides, and with it whom the node joins. */
const findForeignWords = (rayWords: readonly string[]): Problem[] =>
  ["--head", "--address"]
    .filter((option) => rayWords.some((word) => optionName(word) === option))
    .map((option) => ({
      where: `-- ${option}`,
      problem: "expected words for `ray start` that leave the role open",
      fix: "Set HEAD_ADDRESS to the HEAD's host:port; the HEAD is the node that it names.",
    }));

const only = (problems: readonly (Problem | false)[]): Problem[] => problems.filter((each) => each !== false);

/** What two variables, or a variable and this machine, say that cannot both be meant. */
function findConflicts(
  { values, ownEntry: own, ownAddress, fencing }: Config,
  { env, interfaces, isMember = false }: Surroundings,
) {
  const { MIN_WORKER_PORT: min, MAX_WORKER_PORT: max, NODE_IP_ADDRESS: nodeIp } = values;
  return only([
    values.HEALTH_URL?.some((url) => url.startsWith("https:")) === true &&
      !isMember && {
        where: "HEALTH_URL",
        problem:
          "expected a URL such as http://health:8080, got https://, which only a membership vouches for",
        fix: "Join with the token that `ws token` prints (RAY_EP_JOIN), and leave HEALTH_URL out.",
      },
    own?.port !== undefined &&
      own.port !== ownAddress.port && {
        where: "RAY_HEAD_PORT",
        related: ["HEAD_WHITELIST"],
        problem: `expected the port of this node's whitelist entry ${own.name}:${own.port}, got ${ownAddress.port}`,
        fix: "Give both the same port, or write the entry as name=host:port if a port mapping lies between.",
      },
    // Of members the cluster says where they are: a machine may have the address that another one had.
    !isMember && twiceAt(values.HEAD_WHITELIST),
    fencing === "strict" &&
      values.HEALTH_URL === null && {
        where: "HEALTH_URL",
        related: ["RAY_EP_FENCING"],
        problem: `expected a health service, because strict fencing${values.RAY_EP_FENCING === "auto" ? ", which RAY_REDIS_ADDRESS turns on," : ""} needs its head lease, got none`,
        fix: "Run the health service, or set RAY_EP_FENCING=plain.",
      },
    (min === null) !== (max === null) && {
      where: "MIN_WORKER_PORT, MAX_WORKER_PORT",
      problem: "expected both or none, got one",
      fix: "Set both, such as 20000 and 20099.",
    },
    min !== null &&
      max !== null &&
      min > max && {
        where: "MIN_WORKER_PORT, MAX_WORKER_PORT",
        problem: `expected the first not above the last, got ${min} and ${max}`,
        fix: "Swap them.",
      },
    values.RAY_EP_STATE === "rocksdb" &&
      values.RAY_EP_STATE_DIR === null && {
        where: "RAY_EP_STATE_DIR",
        problem: "expected a folder for the state, since RAY_EP_STATE=rocksdb, got none",
        fix: "Name one that the user of Ray can write, or leave RAY_EP_STATE out.",
      },
    values.RAY_EP_STATE === "rocksdb" &&
      Boolean(env.RAY_REDIS_ADDRESS) && {
        where: "RAY_EP_STATE",
        problem: "expected auto or none, since RAY_REDIS_ADDRESS names another store, got rocksdb",
        fix: "Use one of the two.",
      },
    nodeIp !== null &&
      !canBind(nodeIp, interfaces) && {
        where: "NODE_IP_ADDRESS",
        problem: `expected an address of this machine, got ${nodeIp}, which none of its interfaces has`,
        fix: "Behind NAT, give a host name that each side resolves to an address that it can reach.",
      },
  ]);
}

/** Two candidates at one address: whoever serves there would be taken for both. */
function twiceAt(entries: Values["HEAD_WHITELIST"]): Problem | false {
  const at = ({ host, port }: (typeof entries)[number]) =>
    host.toLowerCase() + (port === undefined ? "" : `:${port}`);
  const [same] = [...Map.groupBy(entries, at)].filter(([, each]) => each.length > 1);
  return (
    same !== undefined && {
      where: "HEAD_WHITELIST",
      problem: `expected an address of its own for each candidate, got ${same[0]} for ${same[1].map(({ name }) => name).join(" and ")}`,
      fix: "Correct the address of one of them, or leave it out.",
    }
  );
}

/**
 * Whether a program can listen there. Ray cannot start on an address that no interface has, as HEAD or as WORKER, because
 * its runtime-env agent binds it (2.40 to 2.60). A name is left to Ray: behind NAT each side may resolve it differently.
 */
const canBind = (host: string, interfaces: Surroundings["interfaces"]): boolean =>
  !isIPv4(host) || isLoopback(host) || (interfaces?.some(({ address }) => address === host) ?? true);

/** The fix for a wrong NODE_IP_ADDRESS names the valid values. */
function withOwnAddresses(problem: Problem, interfaces: readonly OwnInterface[] | undefined): Problem {
  if (problem.where !== "NODE_IP_ADDRESS" || interfaces === undefined) return problem;
  const others = interfaces.filter(({ address }) => !isLoopback(address));
  const own = others.map(({ name, address }) => `${address} (${name})`).join(", ") || "none but loopback";
  return { ...problem, fix: `${problem.fix} This machine's addresses: ${own}.` };
}

const OWN_PORTS = [
  "RAY_HEAD_PORT",
  "RAY_DASHBOARD_PORT",
  "RAY_CLIENT_PORT",
  "NODE_MANAGER_PORT",
  "OBJECT_MANAGER_PORT",
] as const;

function findSharedPorts(values: Values): Problem[] {
  const { MIN_WORKER_PORT: min, MAX_WORKER_PORT: max } = values;
  return OWN_PORTS.flatMap((where, i) => {
    const port = values[where];
    if (port === null) return [];
    const other = OWN_PORTS.slice(0, i).find((earlier) => values[earlier] === port);
    const inRange = min !== null && max !== null && port >= min && port <= max;
    const related = other ? [other] : inRange ? ["MIN_WORKER_PORT", "MAX_WORKER_PORT"] : [];
    const problem = `expected a port of its own, got ${port}, which is also taken by ${related.join(" to ")}`;
    return related.length > 0 ? [{ where, related, problem, fix: "Give each its own port." }] : [];
  });
}

const TOKEN_FIX = "Set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH to a file that holds it.";

/** Said before anything starts: Ray would say it later, in a long trace, and on one node after the other. */
function findTokenProblems({ auth, values, healthToken }: Config, env: Surroundings["env"]): Problem[] {
  const { RAY_EP_HEALTH_TOKEN_FILE: healthFile } = values;
  const { RAY_AUTH_MODE: mode, RAY_AUTH_TOKEN: token, RAY_AUTH_TOKEN_PATH: path } = env;
  return only([
    modeIn(env) === "unknown" && {
      where: "RAY_AUTH_MODE",
      problem: `expected token or disabled, got "${mode}", which Ray reads as disabled`,
      fix: "Set it to token, or leave it unset: then a token is used if there is one.",
    },
    auth.mode === "token" &&
      auth.token === null && {
        where: "RAY_AUTH_TOKEN",
        problem: "expected a token, since RAY_AUTH_MODE=token, got none",
        fix: TOKEN_FIX,
      },
    // Ray fails if a named file holds no token, even when it does not need one.
    auth.reason === "no-token" &&
      !token &&
      path !== undefined &&
      path !== "" && {
        where: "RAY_AUTH_TOKEN_PATH",
        problem: `expected a file that holds a token, got ${shownPath(path)}, which cannot be read or is empty`,
        fix: TOKEN_FIX,
      },
    // The token is sent as a header; characters that gRPC cannot send make Ray fail with a long trace.
    !/^[\x20-\x7e]*$/.test(auth.token ?? "") && {
      where: "RAY_AUTH_TOKEN",
      problem: "expected printable ASCII characters in one line, got others",
      fix: TOKEN_FIX,
    },
    healthFile !== null && healthToken === null && noHealthToken(healthFile),
  ]);
}
