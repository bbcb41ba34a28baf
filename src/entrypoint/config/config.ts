import type { Address } from "../../common/address.ts";
import { decideAuth, healthTokenIn, type RayAuth, tokenIn } from "../../common/auth-token.ts";
import { type Environment, readEnvironment } from "../../common/environment.ts";
import type { Problem } from "../../common/failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { TlsKeys } from "../../gcs/tls.ts";
import { findConflicts, findForeignWords, findMissingSecrets } from "./conflicts.ts";
import { DEFAULT_HEAD_PORT, type Identity, identify, isThisNode, type OwnInterface } from "./identity.ts";
import { findLostAddress, withOwnAddresses } from "./own-address.ts";
import { optionOf } from "./ray-words.ts";
import { VARIABLES, type Values, type VariableName } from "./variables.ts";

/** A name of the whitelist with the address at which its GCS is looked for. */
interface Candidate {
  readonly name: string;
  readonly address: Address;
}

export interface Config
  extends Pick<Identity, "node" | "calledItself" | "alike" | "ownEntry" | "ownInterface" | "ownAddress"> {
  readonly whitelist: readonly Candidate[];
  /** HEAD_ADDRESS, else HEAD_ADDRESS_CFG. */
  readonly explicitHead: {
    readonly address: Address;
    readonly variable: VariableName;
    readonly isThisNode: boolean;
  } | null;
  /** Ray's token mode, for the probes, the watch and this node's Ray. */
  readonly auth: RayAuth;
  /** What this node's Ray presents and trusts when RAY_USE_TLS is set. */
  readonly tls: TlsKeys | undefined;
  /** What the health service wants to see with writes. */
  readonly healthToken: string | null;
  /** Strict: two GCSes could corrupt one store, so a HEAD leads only with a lease, and ends with it (docs/faults.md 4.5). */
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
  readonly env: Environment;
  readonly hostname: string;
  readonly rayWords: readonly string[];
  /** What RAY_AUTH_TOKEN_PATH (or Ray's default file) holds; null where there is no such file. */
  readonly tokenFile: string | null;
  /** Undefined when RAY_USE_TLS is not set. `problems`: why Ray could not use these keys. */
  readonly tls?: { readonly keys: TlsKeys; readonly problems: readonly Problem[] } | undefined;
  /** What RAY_EP_HEALTH_TOKEN_FILE holds; null where there is no such file. */
  readonly healthTokenFile: string | null;
  /** This machine's interfaces; undefined if they are not known. */
  readonly interfaces?: readonly OwnInterface[] | undefined;
}

/** Reads the environment into a Config, or lists every problem at once. Never throws, never reads the world. */
export function readConfig(surroundings: Surroundings): Result<Config, readonly Problem[]> {
  const { values, texts, problems } = readEnvironment(VARIABLES, {
    ...surroundings.env,
    ...variablesIn(surroundings.rayWords),
  });
  const config = assemble(values, texts, surroundings);
  const wrong = new Set(problems.map(({ where }) => where));
  const conflicts = [
    ...findConflicts(config),
    ...findLostAddress(config.values, surroundings.interfaces),
    ...findMissingSecrets(config, surroundings.env),
  ];
  // Where one of two variables could not be read, nothing is known of the two together.
  const known = conflicts.filter(
    ({ where, related = [] }) => ![...where.split(", "), ...related].some((name) => wrong.has(name)),
  );
  const shown = problems.map((each) => withOwnAddresses(each, surroundings.interfaces));
  const tls = surroundings.tls?.problems ?? [];
  const all = [...shown, ...findForeignWords(surroundings.rayWords), ...known, ...tls];
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

function assemble(given: Values, texts: Config["texts"], surroundings: Surroundings): Config {
  const { interfaces } = surroundings;
  const { headPort, ...identity } = identify(
    given,
    given.RAY_EP_NODE_NAME ?? surroundings.hostname,
    interfaces,
  );
  const { ownInterface, ownEntry, ownAddress } = identity;
  const values = {
    ...given,
    RAY_HEAD_PORT: headPort,
    NODE_IP_ADDRESS: given.NODE_IP_ADDRESS ?? ownInterface?.address ?? null,
  };
  return {
    ...identity,
    whitelist: values.HEAD_WHITELIST.map((entry) => ({
      name: entry.name,
      address: entry === ownEntry ? ownAddress : { host: entry.host, port: entry.port ?? DEFAULT_HEAD_PORT },
    })),
    explicitHead: findExplicitHead(values, { headPort, ...identity }, interfaces),
    auth: decideAuth(surroundings.env, tokenIn(surroundings.env, surroundings.tokenFile)),
    tls: surroundings.tls?.keys,
    healthToken: values.RAY_EP_HEALTH_TOKEN ?? healthTokenIn(surroundings.healthTokenFile),
    fencing: fencingOf(values, surroundings.env),
    rayWords: surroundings.rayWords,
    values,
    texts,
  };
}

function findExplicitHead(
  values: Values,
  identity: Identity,
  interfaces: Surroundings["interfaces"],
): Config["explicitHead"] {
  const variable = values.HEAD_ADDRESS === null ? "HEAD_ADDRESS_CFG" : "HEAD_ADDRESS";
  const address = values[variable];
  if (address === null) return null;
  return { address, variable, isThisNode: isThisNode(address, identity, values, interfaces) };
}

/** With Redis a second GCS would write to the store of the first. */
function fencingOf({ RAY_EP_FENCING }: Values, env: Surroundings["env"]): Config["fencing"] {
  if (RAY_EP_FENCING !== "auto") return RAY_EP_FENCING;
  return env.RAY_REDIS_ADDRESS ? "strict" : "plain";
}
