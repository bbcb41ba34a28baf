import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { modeIn, readText, tokenIn, withAuthMode } from "../../common/auth-token.ts";
import type { Problem } from "../../common/failure.ts";
import { shownPath } from "../../common/output/shown.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { RuntimeName } from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import { parseDotEnv } from "./dot-env.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The secrets that all programs of a cluster share, and that no shared file may contain. */
const NAMES = ["RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_EP_HEALTH_TOKEN"] as const;
type Name = (typeof NAMES)[number];
export type Secrets = Readonly<Partial<Record<Name, string>>>;

/** The variables that name a file with the token instead. */
const FILES = ["RAY_AUTH_TOKEN_PATH", "RAY_EP_HEALTH_TOKEN_FILE"] as const;

/** A file that compose reads instead of `.env`, so that it and `ws` always use the same values. */
export const secretsFile = (stateDir: string, runtime: RuntimeName): string =>
  join(stateDir, "secrets", `${runtime}.env`);

/** The secrets that the cluster was started with; undefined if no `ws up` has kept any. */
export function readKept(stateDir: string, runtime: RuntimeName): Secrets | undefined {
  try {
    return pick(parseDotEnv(readFileSync(secretsFile(stateDir, runtime), "utf8")));
  } catch {
    return undefined;
  }
}

/**
 * Keeps the secrets in `env` for every later `ws`, in any shell. Only this user can read the file. The returned function
 * restores what was kept before: a start may have failed because of the secrets that it was given.
 */
export function keepSecrets(stateDir: string, runtime: RuntimeName, env: Environment): () => void {
  const before = readKept(stateDir, runtime);
  write(secretsFile(stateDir, runtime), pick(env));
  return () =>
    before === undefined ? forgetSecrets(stateDir, runtime) : write(secretsFile(stateDir, runtime), before);
}

function write(file: string, secrets: Secrets): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  chmodSync(dirname(file), 0o700);
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${quoted(value)}\n`);
  rmSync(`${file}.new`, { force: true });
  writeFileSync(`${file}.new`, lines.join(""), { mode: 0o600, flag: "wx" });
  renameSync(`${file}.new`, file);
}

export const forgetSecrets = (stateDir: string, runtime: RuntimeName): void =>
  rmSync(secretsFile(stateDir, runtime), { force: true });

const quoted = (value: string): string =>
  /['\\\n\r]/.test(value)
    ? `"${value
        .replaceAll(/[\\"$]/g, "\\$&")
        .replaceAll("\n", "\\n")
        .replaceAll("\r", "\\r")}"`
    : `'${value}'`;

const pick = (env: Environment): Secrets =>
  Object.fromEntries(NAMES.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));

/** The secrets from the shell, otherwise from `.env` beside config.yaml, as in compose; token files are read. */
export function readGiven(shell: Environment, folder: string): Result<Secrets, WsFailure> {
  const env = { ...parseDotEnv(textOf(join(folder, ".env")) ?? "", shell), ...shell };
  const [path, healthFile] = FILES.map((name) => env[name]);
  const missing = [
    [env.RAY_AUTH_TOKEN, path, "RAY_AUTH_TOKEN_PATH"],
    [env.RAY_EP_HEALTH_TOKEN, healthFile, "RAY_EP_HEALTH_TOKEN_FILE"],
  ].find(([value, file]) => !value && file && !textOf(file)?.split("\n")[0]?.trim());
  if (missing !== undefined) {
    const [, file = "", name] = missing;
    const fix =
      "Put the token in its first line, and give this user the right to read it; or name another file.";
    return err({
      reason: "config-unreadable",
      file: shownPath(file),
      why: `${name} names it, but it is not a readable file with a token`,
      fix,
    });
  }
  // Ray's default token file, which it reads in token mode (ray/_private/authentication, 2.60).
  const usual = modeIn(env) === "token" ? join(env.HOME || homedir(), ".ray", "auth_token") : undefined;
  const token = tokenIn(env, textOf(path || usual) ?? null);
  const healthToken = env.RAY_EP_HEALTH_TOKEN || textOf(healthFile);
  return ok(
    pick({
      RAY_AUTH_MODE: env.RAY_AUTH_MODE,
      RAY_AUTH_TOKEN: token,
      RAY_EP_HEALTH_TOKEN: healthToken?.trim(),
    }),
  );
}

const textOf = (file: string | undefined): string | undefined =>
  file ? (readText(file) ?? undefined) : undefined;

/** What decides the secrets of a cluster at `ws up`. */
export interface Start {
  readonly kept: Secrets | undefined;
  readonly given: Secrets;
  /** At least one service of the cluster runs. */
  readonly running: boolean;
}

export interface Chosen {
  readonly secrets: Secrets;
  /** Given secrets that do not take effect. */
  readonly warnings: readonly Problem[];
}

/**
 * The secrets of a cluster that is to be started. They belong to the cluster: a running one keeps those that it was
 * started with, and one that is down keeps them unless others are given. Pure except for the new health token.
 */
export function chooseSecrets({ kept, given, running }: Start): Chosen {
  if (running && kept !== undefined) return { secrets: kept, warnings: differing(kept, given) };
  const { RAY_EP_HEALTH_TOKEN: health = kept?.RAY_EP_HEALTH_TOKEN, ...ray } = given;
  const { RAY_EP_HEALTH_TOKEN: _, ...keptRay } = kept ?? {};
  // A running cluster that ws did not start must not be recreated for a token that nobody asked for.
  const made = health ?? (running ? undefined : randomBytes(24).toString("hex"));
  const secrets = Object.keys(ray).length > 0 ? ray : keptRay;
  return {
    secrets: { ...secrets, ...(made === undefined ? {} : { RAY_EP_HEALTH_TOKEN: made }) },
    warnings: [],
  };
}

const differing = (kept: Secrets, given: Secrets): Problem[] =>
  NAMES.filter((name) => given[name] !== undefined && given[name] !== kept[name]).map((name) => ({
    where: name,
    problem: "differs from the one that the cluster was started with and keeps while it runs",
    fix: "Run ws down, then ws up, to change it.",
  }));

/** True where `env` holds other secrets than the kept ones. */
export function differsFromKept(stateDir: string, runtime: RuntimeName, env: Environment): boolean {
  const kept = readKept(stateDir, runtime);
  if (kept === undefined) return false;
  const wanted = withSecrets({}, kept);
  return NAMES.some((name) => wanted[name] !== env[name]);
}

/** The environment of `ws` with only these secrets, and with RAY_AUTH_MODE if there is a token. Pure. */
export function withSecrets(env: Environment, secrets: Secrets): Environment {
  const none = Object.fromEntries([...NAMES, ...FILES].map((name) => [name, undefined]));
  return withAuthMode({ ...env, ...none, ...secrets });
}
