import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { modeIn, readAuthTokenFile, readText, tokenIn, withAuthMode } from "../../common/auth-token.ts";
import type { Environment } from "../../common/environment.ts";
import type { Problem } from "../../common/failure.ts";
import { shownPath } from "../../common/output/shown.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { RuntimeName } from "../drivers/driver.ts";
import type { Attempt, WsFailure } from "../failure.ts";
import { warn } from "../output/terminal.ts";

/** The secrets that all programs of a cluster share, and that no shared file may contain. */
const NAMES = ["RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_EP_HEALTH_TOKEN"] as const;
type Secrets = Readonly<Partial<Record<(typeof NAMES)[number], string>>>;

/** The variables that name a file with the token instead. */
const FILES = { RAY_AUTH_TOKEN: "RAY_AUTH_TOKEN_PATH", RAY_EP_HEALTH_TOKEN: "RAY_EP_HEALTH_TOKEN_FILE" };

/** The environment with the secrets that the cluster was started with, else the given ones. `running`: before a start. */
export async function environment(
  { env, terminal }: Pick<WsContext, "env" | "terminal">,
  { stateDir, configFile }: Pick<GlobalOptions, "stateDir" | "configFile">,
  runtime: RuntimeName,
  running?: () => Promise<boolean>,
): Attempt<Environment> {
  const kept = readKept(stateDir, runtime);
  if (kept !== undefined && running === undefined) return ok(withSecrets(env, kept));
  const given = readGiven(env, dirname(configFile));
  if (!given.ok) return given;
  if (running === undefined) return ok(withSecrets(env, given.value));
  const { secrets, warnings } = chooseSecrets(kept, given.value, await running());
  warn(terminal, "The cluster's secrets stay as they are", warnings);
  return ok(withSecrets(env, secrets));
}

/**
 * The secrets of a cluster that is to be started. They belong to the cluster: a running one keeps those that it was
 * started with, and one that is down keeps them unless others are given. Pure except for the new health token.
 */
export function chooseSecrets(
  kept: Secrets | undefined,
  given: Secrets,
  running: boolean,
): { readonly secrets: Secrets; readonly warnings: readonly Problem[] } {
  if (running && kept !== undefined) return { secrets: kept, warnings: differing(kept, given) };
  const { RAY_EP_HEALTH_TOKEN: health = kept?.RAY_EP_HEALTH_TOKEN, ...ray } = given;
  const { RAY_EP_HEALTH_TOKEN: _, ...keptRay } = kept ?? {};
  // A running cluster that ws did not start must not be recreated for a token that nobody asked for.
  const made = health ?? (running ? undefined : randomBytes(24).toString("hex"));
  const secrets = Object.keys(ray).length > 0 ? ray : keptRay;
  return { secrets: pick({ ...secrets, RAY_EP_HEALTH_TOKEN: made }), warnings: [] };
}

const differing = (kept: Secrets, given: Secrets): Problem[] =>
  NAMES.filter((name) => given[name] !== undefined && given[name] !== kept[name]).map((name) => ({
    where: name,
    problem: "differs from the one that the cluster was started with and keeps while it runs",
    fix: "Run ws down, then ws up, to change it.",
  }));

/** The secrets from the shell, otherwise from `.env` beside config.yaml, as in compose; token files are read. */
export function readGiven(shell: Environment, folder: string): Result<Secrets, WsFailure> {
  const env = { ...parseDotEnv(readText(join(folder, ".env")) ?? "", shell), ...shell };
  for (const [name, variable] of Object.entries(FILES)) {
    const file = env[variable];
    if (env[name] || !file || readText(file)?.split("\n")[0]?.trim()) continue;
    return err({
      reason: "config-unreadable",
      file: shownPath(file),
      why: `${variable} names it, but it is not a readable file with a token`,
      fix: "Put the token in its first line, and give this user the right to read it; or name another file.",
    });
  }
  // Ray's default token file, which it reads in token mode (ray/_private/authentication, 2.60).
  const isRead = env.RAY_AUTH_TOKEN_PATH || modeIn(env) === "token";
  const token = tokenIn(env, isRead ? readAuthTokenFile(env, env.HOME || homedir()) : null);
  const healthToken = env.RAY_EP_HEALTH_TOKEN || readText(env.RAY_EP_HEALTH_TOKEN_FILE ?? "");
  return ok(pick({ ...env, RAY_AUTH_TOKEN: token, RAY_EP_HEALTH_TOKEN: healthToken?.trim() }));
}

/** A file that compose reads instead of `.env`, so that it and `ws` always use the same values. */
export const secretsFile = (stateDir: string, runtime: RuntimeName): string =>
  join(stateDir, "secrets", `${runtime}.env`);

/** The secrets that the cluster was started with; undefined if no `ws up` has kept any. */
export function readKept(stateDir: string, runtime: RuntimeName): Secrets | undefined {
  const text = readText(secretsFile(stateDir, runtime));
  return text === null ? undefined : pick(parseDotEnv(text));
}

/** Keeps the secrets of `env`. Returns how to restore what was kept before: a start may have failed because of them. */
export function keepSecrets(stateDir: string, runtime: RuntimeName, env: Environment): () => void {
  const before = readKept(stateDir, runtime);
  const file = secretsFile(stateDir, runtime);
  write(file, pick(env));
  return () => (before === undefined ? forgetSecrets(stateDir, runtime) : write(file, before));
}

export const forgetSecrets = (stateDir: string, runtime: RuntimeName): void =>
  rmSync(secretsFile(stateDir, runtime), { force: true });

function write(file: string, secrets: Secrets): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  chmodSync(dirname(file), 0o700);
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${quoted(value)}\n`);
  rmSync(`${file}.new`, { force: true });
  writeFileSync(`${file}.new`, lines.join(""), { mode: 0o600, flag: "wx" });
  renameSync(`${file}.new`, file);
}

function quoted(value: string): string {
  if (!/['\\\n\r]/.test(value)) return `'${value}'`;
  const escaped = value
    .replaceAll(/[\\"$]/g, "\\$&")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r");
  return `"${escaped}"`;
}

const pick = (env: Environment): Secrets =>
  Object.fromEntries(NAMES.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));

/** True where `env` holds other secrets than the kept ones. */
export function differsFromKept(stateDir: string, runtime: RuntimeName, env: Environment): boolean {
  const kept = readKept(stateDir, runtime);
  const wanted = kept && withSecrets({}, kept);
  return wanted !== undefined && NAMES.some((name) => wanted[name] !== env[name]);
}

/** The environment of `ws` with only these secrets, and with RAY_AUTH_MODE if there is a token. Pure. */
export function withSecrets(env: Environment, secrets: Secrets): Environment {
  const none = Object.fromEntries([...NAMES, ...Object.values(FILES)].map((name) => [name, undefined]));
  return withAuthMode({ ...env, ...none, ...secrets });
}

/** One assignment, after blanks or a byte order mark; text after a quoted value is a comment. */
const ASSIGNMENT =
  /^\s*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*(?:'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|([^\r\n]*))/gm;

/**
 * The variables of a `.env` file, as compose reads it (Docker Compose 2 and later, "Interpolation"). Variables in values
 * are earlier ones or those of `outer`. Pure.
 */
export function parseDotEnv(
  text: string,
  outer: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const found: Record<string, string> = {};
  const expand = (value: string) =>
    value.replaceAll(
      /\\\$|\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))/g,
      (all, braced?: string, fallback = "", bare?: string) => {
        const name = braced ?? bare;
        return name === undefined ? all.slice(1) : outer[name] || found[name] || fallback;
      },
    );
  for (const [, name = "", single, double, plain = ""] of text.matchAll(ASSIGNMENT))
    found[name] = single ?? expand(double === undefined ? uncommented(plain) : unescaped(double));
  return found;
}

const uncommented = (text: string): string => text.replace(/(?:^|\s)#.*$/, "").trim();

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** `\$` is kept for the expansion. */
const unescaped = (text: string): string =>
  text.replaceAll(/\\([^$])/g, (_, mark: string) => ESCAPES[mark] ?? mark);
