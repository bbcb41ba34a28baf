import { readFileSync } from "node:fs";
import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether Ray's parts ask each other for a token, and which. */
export interface RayAuth {
  readonly mode: "token" | "disabled";
  /** Null where none is sent. */
  readonly token: string | null;
  /** What decided: RAY_AUTH_MODE; a token that is there or not; a Ray that has to be told, or that knows no tokens. */
  readonly reason: "given" | "token-found" | "no-token" | "not-told" | "too-old";
}

/** From this Ray on `ray start --head` turns token mode on by itself where a token is there (scripts/scripts.py). */
const BY_ITSELF_FROM = [2, 59] as const;
/** The first Ray that knows tokens. */
const TOKENS_FROM = [2, 52] as const;

/**
 * What the HEAD of a new Ray comes to by itself, for all parts of a node: `ray start` of a WORKER and drivers do not
 * decide. `token` is tokenIn's.
 */
export function decideAuth(env: Environment, token: string | undefined): RayAuth {
  const mode = modeIn(env);
  if (mode === "disabled") return { mode, token: null, reason: "given" };
  if (mode === "token") return { mode, token: token ?? null, reason: "given" };
  return token === undefined
    ? { mode: "disabled", token: null, reason: "no-token" }
    : { mode: "token", token, reason: "token-found" };
}

/** What an earlier Ray makes of it; a `version` that is not known counts as the newest. */
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
 * RAY_AUTH_MODE, in any case (Ray, authentication_mode.cc) and without blanks around it, with which Ray would take it for
 * "disabled"; undefined where it is left to Ray; "unknown" where Ray would take another word for "disabled".
 */
export function modeIn({ RAY_AUTH_MODE: text = "" }: Environment): RayAuth["mode"] | "unknown" | undefined {
  const word = text.trim().toLowerCase();
  if (word === "") return undefined;
  return word === "token" || word === "disabled" ? word : "unknown";
}

/**
 * The token as Ray reads it (authentication_token_loader.cc, 2.60): RAY_AUTH_TOKEN, else the first line of a file, without
 * blanks around it. A variable that holds blanks alone hides the file.
 */
export function tokenIn(
  { RAY_AUTH_TOKEN: given }: Environment,
  tokenFile: string | null,
): string | undefined {
  const text = given ? given : (tokenFile ?? "").split("\n")[0];
  return text?.replace(/^[ \t\n\r\f\v]+|[ \t\n\r\f\v]+$/g, "") || undefined;
}

/** The decision for whoever has this environment, and `home` for a home. */
export const authIn = (env: Environment, home: string): RayAuth =>
  decideAuth(env, tokenIn(env, readAuthTokenFile(env, home)));

/** The environment with the mode that a token in it means, for programs that do not decide by themselves. */
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
