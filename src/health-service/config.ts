import * as z from "zod/mini";
import type { Problem } from "../common/failure.ts";
import { RENEW_DEADLINE_S } from "../common/lease-protocol.ts";
import type { LogForm } from "../common/logger.ts";
import { err, ok, type Result } from "../common/result.ts";
import {
  Folder,
  Host,
  Hosts,
  oneOf,
  Port,
  PositiveSeconds,
  SecretFile,
  Whitelist,
  type WhitelistEntry,
} from "../entrypoint/config/schemas.ts";

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Null: the lease lives in memory alone. */
  readonly stateDir: string | null;
  /** The candidates and their addresses; null: every node may ask, from anywhere. */
  readonly whitelist: readonly WhitelistEntry[] | null;
  readonly ttlMs: number;
  /** Wanted with every write; null: writes are open. */
  readonly token: string | null;
  /**
   * Public names under which nodes reach this service. Without a token, writes under other public names are refused.
   */
  readonly allowedHosts: readonly string[];
  readonly logForm: LogForm;
}

/** One variable: the text that stands for an unset one, and what it means. */
export interface Variable {
  readonly fallback: string | null;
  readonly meaning: string;
  readonly fix: string;
  readonly schema: z.ZodMiniType<unknown, string>;
}

/** A holder must be able to know, at its deadline, that nobody else holds the lease yet (docs/faults.md 4.1). */
const SHORTEST_TTL_S = 1.2 * RENEW_DEADLINE_S;
const LeaseTtl = PositiveSeconds.check(
  z.refine((ms) => ms >= SHORTEST_TTL_S * 1000, {
    error: `expected at least ${SHORTEST_TTL_S} seconds: a holder may go on for ${RENEW_DEADLINE_S} seconds without a renewal`,
  }),
);

/** Unlike the address of a node, the listen address may be 0.0.0.0, every address of the machine. */
const ListenHost = z.union([z.literal("0.0.0.0"), Host]);

/** Every setting of the health service. All have a default. */
export const VARIABLES = {
  RAY_EP_HEALTH_HOST: {
    schema: ListenHost,
    fallback: "0.0.0.0",
    meaning: "the address to listen on",
    fix: "Give an IPv4 address or a name of this machine, such as 0.0.0.0.",
  },
  RAY_EP_HEALTH_PORT: {
    schema: Port,
    fallback: "8080",
    meaning: "the port to listen on",
    fix: "Give a free port from 1 to 65535, in digits only.",
  },
  RAY_EP_HEALTH_STATE_DIR: {
    schema: Folder,
    fallback: null,
    meaning: "a folder that keeps the head lease across restarts (default: it lives in memory alone)",
    fix: "Give a path from the root, such as /var/lib/ray-health.",
  },
  HEAD_WHITELIST: {
    schema: Whitelist,
    fallback: null,
    meaning: "the nodes that may hold the head lease, as the nodes themselves have it (default: every node)",
    fix: "Give the nodes' own HEAD_WHITELIST, such as: ray-cpu ray-gpu:6380",
  },
  RAY_EP_LEASE_TTL: {
    schema: LeaseTtl,
    fallback: "15",
    meaning: "seconds that the head lease lives without being renewed, at least 12",
    fix: "Give seconds, such as 15.",
  },
  RAY_EP_HEALTH_TOKEN: {
    schema: z.string().check(z.regex(/^[\x21-\x7e]+$/, "expected visible ASCII characters without spaces")),
    fallback: null,
    meaning: "a secret that every write must bring (default: writes are open)",
    fix: "Give the same secret to the health service and to the nodes.",
  },
  RAY_EP_HEALTH_TOKEN_FILE: {
    schema: SecretFile,
    fallback: null,
    meaning: "a file that holds that secret",
    fix: "Give the path of a file that this program can read.",
  },
  RAY_EP_HEALTH_ALLOWED_HOSTS: {
    schema: Hosts,
    fallback: null,
    meaning:
      "public names under which nodes reach this service when it has no token (addresses, names without dots and private names are always accepted)",
    fix: "Give names, such as: health.example.org",
  },
  RAY_EP_LOG: {
    schema: oneOf("text", "timed", "json"),
    fallback: "text",
    meaning: "format of the log: text, timed (text with the time in front of each line) or json",
    fix: "Give text, timed or json.",
  },
} as const satisfies Record<string, Variable>;

type Name = keyof typeof VARIABLES;
type Values = {
  readonly [N in Name]:
    | z.infer<(typeof VARIABLES)[N]["schema"]>
    | ((typeof VARIABLES)[N]["fallback"] extends null ? null : never);
};

/** Reads a file's text, or says why it cannot. */
export type ReadText = (file: string) => Result<string, string>;

/** Reads the environment into a Config, or lists every problem at once. Values of secrets are never shown. */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  readText: ReadText,
): Result<Config, readonly Problem[]> {
  const { values, problems } = readVariables(env);
  const token = readToken(values, readText);
  if (!token.ok) problems.push(token.error);
  if (problems.length > 0 || !token.ok) return err(problems);
  const v = values as Values;
  return ok({
    host: v.RAY_EP_HEALTH_HOST,
    port: v.RAY_EP_HEALTH_PORT,
    stateDir: v.RAY_EP_HEALTH_STATE_DIR,
    whitelist: v.HEAD_WHITELIST,
    ttlMs: v.RAY_EP_LEASE_TTL,
    token: token.value,
    allowedHosts: v.RAY_EP_HEALTH_ALLOWED_HOSTS ?? [],
    logForm: v.RAY_EP_LOG,
  });
}

function readVariables(env: Readonly<Record<string, string | undefined>>) {
  const values: Partial<Record<Name, unknown>> = {};
  const problems: Problem[] = [];
  for (const [name, { schema, fallback, fix }] of Object.entries(VARIABLES) as [Name, Variable][]) {
    // Compose passes unset variables on as empty ones, so empty means unset.
    const text = env[name] || fallback;
    const parsed = text === null ? null : z.safeParse(schema, text);
    if (parsed === null) values[name] = null;
    else if (parsed.success) values[name] = parsed.data;
    else for (const { message } of parsed.error.issues) problems.push({ where: name, problem: message, fix });
  }
  return { values: values as Partial<Values>, problems };
}

function readToken(values: Partial<Values>, readText: ReadText): Result<string | null, Problem> {
  const where = "RAY_EP_HEALTH_TOKEN_FILE";
  const { RAY_EP_HEALTH_TOKEN: token = null, RAY_EP_HEALTH_TOKEN_FILE: file = null } = values;
  if (file === null) return ok(token);
  if (token !== null)
    return err({
      where: `RAY_EP_HEALTH_TOKEN, ${where}`,
      problem: "expected one of them, got both",
      fix: "Remove one.",
    });
  const text = readText(file);
  if (!text.ok) return err({ where, problem: text.error, fix: VARIABLES[where].fix });
  const secret = z.safeParse(VARIABLES.RAY_EP_HEALTH_TOKEN.schema, text.value.trim());
  return secret.success
    ? ok(secret.data)
    : err({
        where,
        problem: `expected one secret in ${file}, of visible ASCII characters`,
        fix: VARIABLES[where].fix,
      });
}
