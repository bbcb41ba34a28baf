import * as z from "zod/mini";
import { type Address, sameAddress } from "../common/address.ts";
import { authTokenOf } from "../common/auth-token.ts";
import type { Problem } from "../common/failure.ts";
import { err, ok, type Result } from "../common/result.ts";
import { Secret, type WhitelistEntry } from "./config/schemas.ts";
import { VARIABLES, type Values, type Variable, type VariableName } from "./config/variables.ts";
import { optionName, optionOf } from "./ray-words.ts";

/** A name of the whitelist with the address at which its GCS is looked for. */
interface Candidate {
  readonly name: string;
  readonly address: Address;
}

export interface Config {
  /** The name of this node: its hostname. */
  readonly node: string;
  /** Where this node's GCS serves, as others know it, if this node is the HEAD. */
  readonly ownAddress: Address;
  readonly whitelist: readonly Candidate[];
  /** HEAD_ADDRESS, else HEAD_ADDRESS_CFG. */
  readonly explicitHead: {
    readonly address: Address;
    readonly variable: VariableName;
    readonly isThisNode: boolean;
  } | null;
  /** The token that this node's Ray uses (RAY_AUTH_TOKEN), when RAY_AUTH_MODE=token. */
  readonly authToken: string | null;
  /** What the health service wants to see with writes. */
  readonly healthToken: string | null;
  /** Strict: two GCSes could corrupt one store, so a HEAD leads only with a lease, and ends with it (FAULTS 4, rule 4). */
  readonly fencing: "plain" | "strict";
  /** Words after `--`, added to `ray start`. */
  readonly rayWords: readonly string[];
  readonly values: Values;
  /** The texts that were given, for showing. */
  readonly texts: Readonly<Partial<Record<VariableName, string>>>;
}

/** All variables of the contract, in the order in which they are shown. */
export const VARIABLE_NAMES = Object.keys(VARIABLES) as VariableName[];

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly rayWords: readonly string[];
  /** What RAY_AUTH_TOKEN_PATH (or Ray's default file) holds; null where there is no such file. */
  readonly tokenFile: string | null;
  /** What RAY_EP_HEALTH_TOKEN_FILE holds; null where there is no such file. */
  readonly healthTokenFile: string | null;
}

const DEFAULT_HEAD_PORT = 6379;

/** Reads the environment into a Config, or lists every problem at once. Never throws, never reads the world. */
export function readConfig(surroundings: Surroundings): Result<Config, readonly Problem[]> {
  const { values, texts, problems } = readVariables({
    ...surroundings.env,
    ...variablesIn(surroundings.rayWords),
  });
  const config = assemble(values as Values, texts, surroundings);
  const wrong = problems.map(({ where }) => where);
  const conflicts = [...findConflicts(config), ...findMissingSecrets(config, surroundings)];
  // Where one of two variables could not be read, nothing is known of the two together.
  const known = conflicts.filter(
    ({ where, problem }) => !wrong.some((name) => `${where} ${problem}`.includes(name)),
  );
  const all = [...problems, ...findForeignWords(surroundings.rayWords), ...known];
  return all.length > 0 ? err(all) : ok(config);
}

/** Words for `ray start` that say the same as a variable: they win, and the whole node has to know of them. */
const SAME_AS_VARIABLE: Readonly<Record<string, VariableName>> = {
  "--port": "RAY_HEAD_PORT",
  "--node-ip-address": "NODE_IP_ADDRESS",
};

function variablesIn(rayWords: readonly string[]): Partial<Record<VariableName, string>> {
  const given = Object.entries(SAME_AS_VARIABLE).flatMap(([option, name]) => {
    const text = optionOf(rayWords, option);
    return text === null ? [] : [[name, text] as const];
  });
  return Object.fromEntries(given);
}

/** The role is what this program decides, and with it whom the node joins. */
function findForeignWords(rayWords: readonly string[]): Problem[] {
  return ["--head", "--address"]
    .filter((option) => rayWords.some((word) => optionName(word) === option))
    .map((option) => ({
      where: `-- ${option}`,
      problem: "expected words for `ray start` that leave the role open",
      fix: "Set HEAD_ADDRESS to the HEAD's host:port; the HEAD is the node that it names.",
    }));
}

function readVariables(env: Surroundings["env"]) {
  const values: Partial<Record<VariableName, unknown>> = {};
  const texts: Partial<Record<VariableName, string>> = {};
  const problems: Problem[] = [];
  for (const name of VARIABLE_NAMES) {
    const variable: Variable<unknown> = VARIABLES[name];
    const given = textOf(name, env);
    if (given !== undefined) texts[name] = given;
    const parsed = parseVariable(variable, given);
    values[name] = parsed.ok ? parsed.value : fallbackOf(variable);
    if (!parsed.ok)
      problems.push(...parsed.error.map((problem) => ({ where: name, problem, fix: variable.fix })));
  }
  return { values, texts, problems };
}

function parseVariable(
  variable: Variable<unknown>,
  given: string | undefined,
): Result<unknown, readonly string[]> {
  const text = given ?? variable.fallback;
  if (text === null) return ok(null);
  const result = z.safeParse(variable.schema, text);
  return result.success ? ok(result.data) : err(result.error.issues.map((issue) => issue.message));
}

function fallbackOf(variable: Variable<unknown>): unknown {
  const parsed = parseVariable(variable, undefined);
  return parsed.ok ? parsed.value : null;
}

/** Compose passes unset variables on as empty ones, so empty means unset; but an emptied whitelist is a mistake. */
function textOf(name: VariableName, env: Surroundings["env"]): string | undefined {
  const text = env[name];
  return text === "" && name !== "HEAD_WHITELIST" ? undefined : text;
}

function assemble(values: Values, texts: Config["texts"], surroundings: Surroundings): Config {
  const node = values.RAY_EP_NODE_NAME ?? surroundings.hostname;
  const ownEntry = values.HEAD_WHITELIST.find((entry) => isName(entry.name, node));
  const headPort = values.RAY_HEAD_PORT ?? ownEntry?.port ?? DEFAULT_HEAD_PORT;
  const ownAddress = ownEntry?.mapped
    ? { host: ownEntry.host, port: ownEntry.port ?? headPort }
    : { host: ownEntry?.host ?? values.NODE_IP_ADDRESS ?? node, port: headPort };
  return {
    node,
    ownAddress,
    whitelist: values.HEAD_WHITELIST.map((entry) => toCandidate(entry, node, ownAddress)),
    explicitHead: findExplicitHead(values, ownAddress, headPort, node),
    authToken: authTokenOf(surroundings.env, surroundings.tokenFile),
    healthToken: values.RAY_EP_HEALTH_TOKEN ?? healthTokenIn(surroundings.healthTokenFile),
    fencing: fencingOf(values, surroundings.env),
    rayWords: surroundings.rayWords,
    values: { ...values, RAY_HEAD_PORT: headPort },
    texts,
  };
}

const isName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function toCandidate(entry: WhitelistEntry, node: string, ownAddress: Address): Candidate {
  const own = isName(entry.name, node);
  return {
    name: entry.name,
    address: own ? ownAddress : { host: entry.host, port: entry.port ?? DEFAULT_HEAD_PORT },
  };
}

/** On this side of a port mapping a node goes by its own name and port as well. */
function findExplicitHead(
  values: Values,
  ownAddress: Address,
  headPort: number,
  node: string,
): Config["explicitHead"] {
  const variable = values.HEAD_ADDRESS === null ? "HEAD_ADDRESS_CFG" : "HEAD_ADDRESS";
  const address = values[variable];
  if (address === null) return null;
  const advertised = values.NODE_IP_ADDRESS === null ? [] : [values.NODE_IP_ADDRESS];
  const own = [ownAddress, ...[node, ...advertised].map((host) => ({ host, port: headPort }))];
  return { address, variable, isThisNode: own.some((each) => sameAddress(each, address)) };
}

/** Null where the file holds nothing that can be sent as a token. */
function healthTokenIn(text: string | null): string | null {
  return z.safeParse(Secret, text?.trim() ?? "").data ?? null;
}

/** With Redis a second GCS would write to the store of the first. */
function fencingOf({ RAY_EP_FENCING }: Values, env: Surroundings["env"]): Config["fencing"] {
  if (RAY_EP_FENCING !== "auto") return RAY_EP_FENCING;
  return env.RAY_REDIS_ADDRESS ? "strict" : "plain";
}

/** Said before anything starts: Ray would say it later, in a long trace, and on one node after the other. */
function findMissingSecrets({ authToken, values, healthToken }: Config, { env }: Surroundings): Problem[] {
  const problems: Problem[] = [];
  if (env.RAY_AUTH_MODE === "token" && authToken === null)
    problems.push({
      where: "RAY_AUTH_TOKEN",
      problem: "expected a token, since RAY_AUTH_MODE=token, got none",
      fix: "Set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH to a file that holds it.",
    });
  if (values.RAY_EP_HEALTH_TOKEN_FILE !== null && healthToken === null)
    problems.push({
      where: "RAY_EP_HEALTH_TOKEN_FILE",
      problem: `expected a file that holds the token, got ${values.RAY_EP_HEALTH_TOKEN_FILE}, which cannot be read, is empty, or holds more than one line of up to 512 printable characters`,
      fix: "Mount the file, readable for this user, or set RAY_EP_HEALTH_TOKEN.",
    });
  return problems;
}

function findConflicts(config: Config): Problem[] {
  const { values } = config;
  const problems: Problem[] = [];
  const own = values.HEAD_WHITELIST.find((entry) => isName(entry.name, config.node));
  if (own && !own.mapped && own.port !== null && own.port !== config.ownAddress.port)
    problems.push({
      where: "RAY_HEAD_PORT",
      problem: `expected the port of this node's whitelist entry ${own.name}:${own.port}, got ${config.ownAddress.port}`,
      fix: "Give both the same port, or write the entry as name=host:port if a port mapping lies between.",
    });
  const { MIN_WORKER_PORT: min, MAX_WORKER_PORT: max } = values;
  if ((min === null) !== (max === null))
    problems.push({
      where: "MIN_WORKER_PORT, MAX_WORKER_PORT",
      problem: "expected both or none, got one",
      fix: "Set both, such as 20000 and 20099.",
    });
  if (min !== null && max !== null && min > max)
    problems.push({
      where: "MIN_WORKER_PORT, MAX_WORKER_PORT",
      problem: `expected the first not above the last, got ${min} and ${max}`,
      fix: "Swap them.",
    });
  return [...problems, ...findSharedPorts(values)];
}

const OWN_PORTS = [
  "RAY_HEAD_PORT",
  "RAY_DASHBOARD_PORT",
  "RAY_CLIENT_PORT",
  "NODE_MANAGER_PORT",
  "OBJECT_MANAGER_PORT",
] as const;

function findSharedPorts(values: Values): Problem[] {
  const taken = OWN_PORTS.flatMap((name) => (values[name] === null ? [] : [{ name, port: values[name] }]));
  const { MIN_WORKER_PORT: min, MAX_WORKER_PORT: max } = values;
  return taken.flatMap(({ name, port }, i) => {
    const other = taken.slice(0, i).find((earlier) => earlier.port === port);
    const inRange = min !== null && max !== null && port >= min && port <= max;
    const clash = other ? other.name : inRange ? "MIN_WORKER_PORT to MAX_WORKER_PORT" : null;
    return clash === null
      ? []
      : [
          {
            where: name,
            problem: `expected a port of its own, got ${port}, which is also taken by ${clash}`,
            fix: "Give each its own port.",
          },
        ];
  });
}
