import { readFileSync } from "node:fs";
import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Ray reads the token from RAY_AUTH_TOKEN, else from a file, and only in token mode (ray/_private/authentication, 2.60). */
export function authTokenOf(env: Environment, tokenFile: string | null): string | null {
  if (env.RAY_AUTH_MODE !== "token") return null;
  return env.RAY_AUTH_TOKEN?.trim() || tokenFile?.trim() || null;
}

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
