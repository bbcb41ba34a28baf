import type { Address } from "../../common/address.ts";
import { decideAuth, healthTokenIn, type RayAuth, tokenIn } from "../../common/auth-token.ts";
import type { Environment } from "../../common/environment.ts";
import type { Problem } from "../../common/failure.ts";
import type { TlsKeys } from "../../gcs/tls.ts";
import { DEFAULT_HEAD_PORT, type Identity, identify, isThisNode, type OwnInterface } from "./identity.ts";
import type { Values, VariableName } from "./variables.ts";

export interface Config extends Identity {
  /** The candidates, each with the address at which its GCS is looked for. */
  readonly whitelist: readonly { readonly name: string; readonly address: Address }[];
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

/** What a configuration is read from. */
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
  /** A cluster of several machines says where its health service is (membership/). */
  readonly isMember?: boolean;
  /** This machine's interfaces; undefined if they are not known. */
  readonly interfaces?: readonly OwnInterface[] | undefined;
}

/** What the variables mean on this machine. Pure; readConfig says what is wrong with it. */
export function configFrom(given: Values, texts: Config["texts"], surroundings: Surroundings): Config {
  const { env, hostname, rayWords, interfaces } = surroundings;
  const identity = identify(given, given.RAY_EP_NODE_NAME ?? hostname, interfaces);
  const { headPort, ownInterface, ownEntry, ownAddress } = identity;
  const values = {
    ...given,
    RAY_HEAD_PORT: headPort,
    NODE_IP_ADDRESS: given.NODE_IP_ADDRESS ?? ownInterface?.address ?? null,
  };
  const variable = values.HEAD_ADDRESS === null ? "HEAD_ADDRESS_CFG" : "HEAD_ADDRESS";
  const head = values[variable];
  // With Redis a second GCS would write to the store of the first.
  const auto = env.RAY_REDIS_ADDRESS ? "strict" : "plain";
  return {
    ...identity,
    whitelist: values.HEAD_WHITELIST.map((entry) => ({
      name: entry.name,
      address: entry === ownEntry ? ownAddress : { host: entry.host, port: entry.port ?? DEFAULT_HEAD_PORT },
    })),
    explicitHead: head && {
      address: head,
      variable,
      isThisNode: isThisNode(head, identity, values, interfaces),
    },
    auth: decideAuth(env, tokenIn(env, surroundings.tokenFile)),
    tls: surroundings.tls?.keys,
    healthToken: values.RAY_EP_HEALTH_TOKEN ?? healthTokenIn(surroundings.healthTokenFile),
    fencing: values.RAY_EP_FENCING === "auto" ? auto : values.RAY_EP_FENCING,
    rayWords,
    values,
    texts,
  };
}
