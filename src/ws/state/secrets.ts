import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { modeIn, readAuthTokenFile, tokenIn } from "../../common/auth-token.ts";
import { randomHex } from "../../common/digest.ts";
import type { Environment } from "../../common/environment.ts";
import type { Problem } from "../../common/failure.ts";
import { readText, replaceFile } from "../../common/files.ts";
import { shownPath } from "../../common/output/shown.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { Settings } from "../config/settings.ts";
import { HEALTH_TOKEN, RAY_TOKEN, rayAuth, type Secrets, secretsFolder } from "../config/tokens.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { Driver, RuntimeName } from "../drivers/driver.ts";
import type { Attempt, WsFailure } from "../failure.ts";
import { warn } from "../output/terminal.ts";

/** The secrets that all programs of a cluster share: the file that holds each, and the variable that names such a file. */
const TOKENS = {
  RAY_AUTH_TOKEN: { file: RAY_TOKEN, path: "RAY_AUTH_TOKEN_PATH" },
  RAY_EP_HEALTH_TOKEN: { file: HEALTH_TOKEN, path: "RAY_EP_HEALTH_TOKEN_FILE" },
} as const satisfies Record<keyof Secrets, object>;
type Name = keyof Secrets;
const NAMES = Object.keys(TOKENS) as Name[];

/**
 * What a command is given of a cluster: the secrets that it was started with, else the given ones, and the shell's environment with
 * the paths of their files instead. `running`: before a start, which makes what is missing.
 */
export async function accessTo(
  { env: shell, terminal }: Pick<WsContext, "env" | "terminal">,
  { stateDir, configFile }: Pick<GlobalOptions, "stateDir" | "configFile">,
  { auth }: Pick<Settings, "auth">,
  runtime: RuntimeName,
  running?: () => boolean | Promise<boolean>,
): Attempt<Pick<Driver, "env" | "secrets">> {
  const folder = secretsFolder(stateDir, runtime);
  const env = { ...without(shell), ...rayAuth(auth, folder) };
  const kept = readKept(stateDir, runtime);
  if (kept !== undefined && running === undefined) return ok({ env, secrets: kept });
  const given = readGiven(shell, dirname(configFile), folder);
  if (!given.ok) return given;
  if (running === undefined) return ok({ env, secrets: given.value });
  const { secrets, warnings } = chooseSecrets(kept, given.value, await running());
  warn(terminal, "The cluster's secrets stay as they are", warnings);
  return ok({ env, secrets });
}

/** Ray itself would take the value before the file. */
const without = (env: Environment): Environment =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^RAY_(?:AUTH_(?:MODE|TOKEN)|EP_HEALTH_TOKEN)/.test(name)),
  );

/**
 * The secrets of a cluster that is to be started. They belong to the cluster: a running one keeps those that it was
 * started with, and one that is down keeps them unless others are given. Pure except for what is made anew.
 */
export function chooseSecrets(
  kept: Secrets = {},
  given: Secrets,
  running: boolean,
): { readonly secrets: Required<Secrets>; readonly warnings: readonly Problem[] } {
  const made = { RAY_AUTH_TOKEN: random(), RAY_EP_HEALTH_TOKEN: random() };
  return running
    ? { secrets: { ...made, ...given, ...kept }, warnings: differing(kept, given) }
    : { secrets: { ...made, ...kept, ...given }, warnings: [] };
}

const random = (): string => randomHex(24);

const differing = (kept: Secrets, given: Secrets): Problem[] =>
  NAMES.filter((name) => given[name] && kept[name] && given[name] !== kept[name]).map((name) => ({
    where: name,
    problem: "differs from the one that the cluster was started with and keeps while it runs",
    fix: "Run ws down, then ws up, to change it.",
  }));

/** The secrets from the shell, otherwise from `.env` beside config.yaml, as in compose; token files are read. */
export function readGiven(shell: Environment, configFolder: string, own: string): Result<Secrets, WsFailure> {
  const env: Record<string, string | undefined> = {
    ...parseEnv(readText(join(configFolder, ".env"))?.replace(/^\uFEFF/, "") ?? ""),
    ...shell,
  };
  for (const [name, { file, path }] of Object.entries(TOKENS)) {
    // In a shell that has read `ws env` this is ours, which a `ws down -v` may have removed since.
    if (env[path] === join(own, file)) Object.assign(env, { [path]: undefined, RAY_AUTH_MODE: undefined });
    const given = env[path];
    if (env[name] || !given || readText(given)?.split("\n")[0]?.trim()) continue;
    return err({
      reason: "config-unreadable",
      file: shownPath(given),
      why: `${path} names it, but it is not a readable file with a token`,
      fix: "Put the token in its first line, and give this user the right to read it; or name another file.",
    });
  }
  // Ray's default token file, which it reads in token mode (ray/_private/authentication, 2.60).
  const isRead = env.RAY_AUTH_TOKEN_PATH || modeIn(env) === "token";
  const token = tokenIn(env, isRead ? readAuthTokenFile(env, env.HOME || homedir()) : null);
  const healthToken = env.RAY_EP_HEALTH_TOKEN || readText(env.RAY_EP_HEALTH_TOKEN_FILE ?? "");
  return ok(onlyThere({ RAY_AUTH_TOKEN: token, RAY_EP_HEALTH_TOKEN: healthToken?.trim() }));
}

const onlyThere = (secrets: { readonly [_ in Name]: string | undefined }): Secrets =>
  Object.fromEntries(Object.entries(secrets).filter(([, secret]) => secret));

/** The secrets that the cluster was started with; undefined if no `ws` has kept any. */
export function readKept(stateDir: string, runtime: RuntimeName): Secrets | undefined {
  const folder = secretsFolder(stateDir, runtime);
  const read = (name: Name) => readText(join(folder, TOKENS[name].file))?.trim();
  const kept = onlyThere({
    RAY_AUTH_TOKEN: read("RAY_AUTH_TOKEN"),
    RAY_EP_HEALTH_TOKEN: read("RAY_EP_HEALTH_TOKEN"),
  });
  return Object.keys(kept).length > 0 ? kept : undefined;
}

/** Keeps these secrets. Returns how to restore what was kept before: a start may have failed because of them. */
export function keepSecrets(stateDir: string, runtime: RuntimeName, secrets: Secrets): () => void {
  const before = readKept(stateDir, runtime);
  write(secretsFolder(stateDir, runtime), secrets);
  return () => {
    forgetSecrets(stateDir, runtime);
    if (before !== undefined) write(secretsFolder(stateDir, runtime), before);
  };
}

export const forgetSecrets = (stateDir: string, runtime: RuntimeName): void =>
  rmSync(secretsFolder(stateDir, runtime), { recursive: true, force: true });

function write(folder: string, secrets: Secrets): void {
  if (Object.keys(secrets).length === 0) return;
  mkdirSync(folder, { recursive: true });
  for (const each of [dirname(folder), folder]) chmodSync(each, 0o700);
  // For the users of the nodes, whose ids are their images' own. The folder keeps this machine's others out.
  for (const [name, secret] of Object.entries(secrets))
    replaceFile(join(folder, TOKENS[name as Name].file), `${secret}\n`, 0o444);
}

/** True where these are other secrets than those that are kept. */
export function differsFromKept(stateDir: string, runtime: RuntimeName, secrets: Secrets): boolean {
  const kept = readKept(stateDir, runtime);
  return kept !== undefined && NAMES.some((name) => kept[name] && kept[name] !== secrets[name]);
}
