import * as hosts from "../common/address.ts";
import { healthTokenIn, noHealthToken } from "../common/auth-token.ts";
import { type Environment, readEnvironment, type Variable } from "../common/environment.ts";
import type { Problem } from "../common/failure.ts";
import type { LogForm } from "../common/output/logger.ts";
import { RENEW_DEADLINE_S } from "../common/protocol/lease-protocol.ts";
import { err, ok, type Result } from "../common/result.ts";
import type { Form } from "../common/values.ts";
import * as scalars from "../common/values.ts";

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Null: the lease lives in memory alone. */
  readonly stateDir: string | null;
  /** The candidates and their addresses; null: every node may ask, from anywhere. */
  readonly whitelist: readonly hosts.WhitelistEntry[] | null;
  readonly ttlMs: number;
  /** Wanted with every write; null: writes are open. */
  readonly token: string | null;
  /**
   * Public names under which nodes reach this service. Without a token, writes under other public names are refused.
   */
  readonly allowedHosts: readonly string[];
  readonly logForm: LogForm;
}

/** A holder must be able to know, at its deadline, that nobody else holds the lease yet (docs/faults.md 4.1). */
const MIN_TTL_S = 1.2 * RENEW_DEADLINE_S;
const leaseTtl: Form<number> = {
  ...scalars.positiveSeconds,
  parse: (text) => {
    const ms = scalars.positiveSeconds.parse(text);
    return !ms.ok || ms.value >= MIN_TTL_S * 1000
      ? ms
      : err(
          `expected at least ${MIN_TTL_S} seconds: a holder may go on for ${RENEW_DEADLINE_S} seconds without a renewal`,
        );
  },
};

/** Every setting of the health service. All have a default. */
export const VARIABLES = {
  RAY_EP_HEALTH_HOST: {
    form: hosts.host,
    fallback: "0.0.0.0",
    meaning: "the address to listen on",
    fix: "Give an IPv4 address or a name of this machine, such as 0.0.0.0.",
  },
  RAY_EP_HEALTH_PORT: {
    form: hosts.port,
    fallback: "8080",
    meaning: "the port to listen on",
    fix: "Give a free port from 1 to 65535, in digits only.",
  },
  RAY_EP_HEALTH_STATE_DIR: {
    form: scalars.path,
    fallback: null,
    meaning: "a folder that keeps the head lease across restarts (default: it lives in memory alone)",
    fix: "Give a path from the root, such as /var/lib/ray-health.",
  },
  HEAD_WHITELIST: {
    form: hosts.whitelist,
    fallback: null,
    meaning: "the nodes that may hold the head lease, as the nodes themselves have it (default: every node)",
    fix: "Give the nodes' own HEAD_WHITELIST, such as: ray-cpu ray-gpu:6380",
  },
  RAY_EP_LEASE_TTL: {
    form: leaseTtl,
    fallback: "15",
    meaning: "seconds that the head lease lives without being renewed, at least 12",
    fix: "Give seconds, such as 15.",
  },
  RAY_EP_HEALTH_TOKEN: {
    form: scalars.secret,
    fallback: null,
    meaning: "a secret that every write must bring (default: writes are open)",
    fix: "Give the same secret to the health service and to the nodes.",
  },
  RAY_EP_HEALTH_TOKEN_FILE: {
    form: scalars.secretFile,
    fallback: null,
    meaning: "a file that holds that secret",
    fix: "Give the path of a file that this program can read.",
  },
  RAY_EP_HEALTH_ALLOWED_HOSTS: {
    form: hosts.hosts,
    fallback: null,
    meaning:
      "public names under which nodes reach this service when it has no token (addresses, names without dots and private names are always accepted)",
    fix: "Give names, such as: health.example.org",
  },
  RAY_EP_LOG: {
    form: scalars.oneOf("text", "timed", "json"),
    fallback: "text",
    meaning: "format of the log: text, timed (text with the time in front of each line) or json",
    fix: "Give text, timed or json.",
  },
} as const satisfies Record<string, Variable>;

/** Reads the environment into a Config, or lists every problem at once. Values of secrets are never shown. */
export function readConfig(
  env: Environment,
  readText: (file: string) => string | null,
): Result<Config, readonly Problem[]> {
  const { values: v, problems } = readEnvironment(VARIABLES, env);
  const { RAY_EP_HEALTH_TOKEN: given, RAY_EP_HEALTH_TOKEN_FILE: file } = v;
  const token = file === null ? given : healthTokenIn(readText(file));
  if (file !== null && token === null) problems.push(noHealthToken(file));
  if (file !== null && given !== null) problems.push(TOKEN_TWICE);
  if (problems.length > 0) return err(problems);
  return ok({
    host: v.RAY_EP_HEALTH_HOST,
    port: v.RAY_EP_HEALTH_PORT,
    stateDir: v.RAY_EP_HEALTH_STATE_DIR,
    whitelist: v.HEAD_WHITELIST,
    ttlMs: v.RAY_EP_LEASE_TTL,
    token,
    allowedHosts: v.RAY_EP_HEALTH_ALLOWED_HOSTS ?? [],
    logForm: v.RAY_EP_LOG,
  });
}

const TOKEN_TWICE: Problem = {
  where: "RAY_EP_HEALTH_TOKEN, RAY_EP_HEALTH_TOKEN_FILE",
  problem: "expected one of them, got both",
  fix: "Remove one.",
};
