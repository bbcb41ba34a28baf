import { join } from "node:path";
import type { Environment } from "./environment.ts";
import type { Problem } from "./failure.ts";
import { readRegular } from "./files.ts";
import { secret } from "./values.ts";

/** Whether Ray's processes require a token from each other, and which token. */
export interface RayAuth {
  readonly mode: "token" | "disabled";
  /** Null where none is sent. */
  readonly token: string | null;
  /** What decided it: RAY_AUTH_MODE, whether a token was found, or the version of Ray. */
  readonly reason: "given" | "token-found" | "no-token" | "not-told" | "too-old";
}

/** What the HEAD of a current Ray chooses by itself, for all processes of a node: WORKERs and drivers do not choose. */
export function decideAuth(env: Environment, token: string | undefined): RayAuth {
  const mode = modeIn(env);
  if (mode === "disabled") return { mode, token: null, reason: "given" };
  if (mode === "token") return { mode, token: token ?? null, reason: "given" };
  return token === undefined
    ? { mode: "disabled", token: null, reason: "no-token" }
    : { mode: "token", token, reason: "token-found" };
}

/** 2060 for 2.60.0. `unknown`: what a version counts as that is not known. */
export function releaseOf(version: string | null, unknown: number): number {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? "") ?? [];
  return major === undefined ? unknown : Number(major) * 1000 + Number(minor);
}

/** Whether that Ray can require a token (ray/_private/authentication, 2.52 and later). */
export const hasTokens = (version: string | null): boolean => releaseOf(version, 2060) >= 2052;

/**
 * What an earlier Ray does instead: from 2.59 on `ray start --head` turns tokens on by itself when it finds one
 * (scripts/scripts.py).
 */
export function authOfRay(auth: RayAuth, version: string | null): RayAuth {
  if (!hasTokens(version)) return { mode: "disabled", token: null, reason: "too-old" };
  return auth.reason === "token-found" && releaseOf(version, 2060) < 2059
    ? { mode: "disabled", token: null, reason: "not-told" }
    : auth;
}

/** As Ray reads it (authentication_mode.cc), but trimmed: Ray takes a word with blanks, as any "unknown" one, for "disabled". */
export function modeIn({ RAY_AUTH_MODE: text = "" }: Environment): RayAuth["mode"] | "unknown" | undefined {
  const word = text.trim().toLowerCase();
  if (word === "") return undefined;
  return word === "token" || word === "disabled" ? word : "unknown";
}

/** As Ray reads it (authentication_token_loader.cc, 2.60). If the variable holds only blanks, Ray does not read the file. */
export function tokenIn({ RAY_AUTH_TOKEN: given }: Environment, file: string | null): string | undefined {
  const text = given || file?.split("\n")[0];
  return text?.replace(/^[ \t\n\r\f\v]+|[ \t\n\r\f\v]+$/g, "") || undefined;
}

/** What the file named by RAY_AUTH_TOKEN_PATH holds, else Ray's default file; null where there is none. */
export const readAuthTokenFile = (env: Environment, home: string): string | null =>
  readRegular(env.RAY_AUTH_TOKEN_PATH || join(home, ".ray", "auth_token"));

/** The token of the health service in the text of its file; null where there is none. */
export function healthTokenIn(text: string | null): string | null {
  const token = secret.parse(text?.trim() ?? "");
  return token.ok ? token.value : null;
}

/** RAY_EP_HEALTH_TOKEN_FILE names this file, and there is no token in it. */
export const noHealthToken = (file: string): Problem => ({
  where: "RAY_EP_HEALTH_TOKEN_FILE",
  problem: `expected a file that holds the token, got ${file}, which cannot be read, is empty, or holds more than one line of up to 512 printable characters`,
  fix: "Mount the file, readable for this user, or set RAY_EP_HEALTH_TOKEN.",
});
