import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "./environment.ts";

/** Whether Ray's processes require a token from each other, and which token. */
export interface RayAuth {
  readonly mode: "token" | "disabled";
  /** Null where none is sent. */
  readonly token: string | null;
  /** What decided it: RAY_AUTH_MODE, whether a token was found, or the version of Ray. */
  readonly reason: "given" | "token-found" | "no-token" | "not-told" | "too-old";
}

/**
 * From this version on, `ray start --head` turns token mode on by itself when it finds a token (scripts/scripts.py).
 */
const BY_ITSELF_FROM = [2, 59] as const;
/** The first version of Ray that supports tokens. */
const TOKENS_FROM = [2, 52] as const;

/**
 * The mode that the HEAD of a current Ray chooses by itself. All processes of a node must use it, since `ray start`
 * on a WORKER and drivers do not choose. `token` comes from tokenIn.
 */
export function decideAuth(env: Environment, token: string | undefined): RayAuth {
  const mode = modeIn(env);
  if (mode === "disabled") return { mode, token: null, reason: "given" };
  if (mode === "token") return { mode, token: token ?? null, reason: "given" };
  return token === undefined
    ? { mode: "disabled", token: null, reason: "no-token" }
    : { mode: "token", token, reason: "token-found" };
}

/** What an earlier version of Ray does instead. An unknown `version` counts as the newest. */
export function authOfRay(auth: RayAuth, version: string | null): RayAuth {
  if (!isFrom(version, TOKENS_FROM)) return { mode: "disabled", token: null, reason: "too-old" };
  const byItself = auth.reason !== "token-found" || isFrom(version, BY_ITSELF_FROM);
  return byItself ? auth : { mode: "disabled", token: null, reason: "not-told" };
}

function isFrom(version: string | null, [major, minor]: readonly [number, number]): boolean {
  const [, first, second] = /^(\d+)\.(\d+)/.exec(version ?? "") ?? [];
  if (first === undefined) return true;
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}

/**
 * RAY_AUTH_MODE in any case, as Ray reads it (authentication_mode.cc). Blanks around it are removed, because Ray
 * would read such a value as "disabled". Undefined when it is not set; "unknown" for any other word, which Ray would
 * read as "disabled" too.
 */
export function modeIn({ RAY_AUTH_MODE: text = "" }: Environment): RayAuth["mode"] | "unknown" | undefined {
  const word = text.trim().toLowerCase();
  if (word === "") return undefined;
  return word === "token" || word === "disabled" ? word : "unknown";
}

/**
 * The token as Ray reads it (authentication_token_loader.cc, 2.60): RAY_AUTH_TOKEN, otherwise the first line of the
 * file, without blanks around it. If the variable holds only blanks, Ray does not read the file.
 */
export function tokenIn(
  { RAY_AUTH_TOKEN: given }: Environment,
  tokenFile: string | null,
): string | undefined {
  const text = given ? given : (tokenFile ?? "").split("\n")[0];
  return text?.replace(/^[ \t\n\r\f\v]+|[ \t\n\r\f\v]+$/g, "") || undefined;
}

/** The decision for a process with this environment and this home folder. */
export const authIn = (env: Environment, home: string): RayAuth =>
  decideAuth(env, tokenIn(env, readAuthTokenFile(env, home)));

/**
 * The environment with RAY_AUTH_MODE set when a token is given, for programs that do not choose the mode themselves.
 */
export const withAuthMode = (env: Environment, auth = decideAuth(env, tokenIn(env, null))): Environment =>
  auth.reason === "token-found" ? { ...env, RAY_AUTH_MODE: auth.mode } : env;

/** What the file named by RAY_AUTH_TOKEN_PATH holds, else Ray's default file ~/.ray/auth_token; null where there is none. */
export function readAuthTokenFile(env: Environment, home: string): string | null {
  return readText(env.RAY_AUTH_TOKEN_PATH || join(home, ".ray", "auth_token"));
}

/** The text of a file; null where it cannot be read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
