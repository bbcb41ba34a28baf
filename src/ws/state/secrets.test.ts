import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Secrets } from "../config/tokens.ts";
import { accessTo, chooseSecrets, differsFromKept, keepSecrets, readGiven, readKept } from "./secrets.ts";

const given = { RAY_AUTH_TOKEN: "given", RAY_EP_HEALTH_TOKEN: "health" };
const kept = { RAY_AUTH_TOKEN: "kept", RAY_EP_HEALTH_TOKEN: "its own" };

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "ws-secrets-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("E1 a running cluster keeps the secrets that it was started with, and a different one is reported", () => {
  expect(chooseSecrets(kept, {}, true)).toEqual({ secrets: kept, warnings: [] });
  const { secrets, warnings } = chooseSecrets(kept, given, true);
  expect(secrets).toEqual(kept);
  expect(warnings.map(({ where }) => where)).toEqual(["RAY_AUTH_TOKEN", "RAY_EP_HEALTH_TOKEN"]);
  expect(JSON.stringify(warnings)).not.toMatch(/kept"|given"|its own/);
});

test("E1 a cluster that is down keeps them, unless others are given", () => {
  expect(chooseSecrets(kept, {}, false).secrets).toEqual(kept);
  expect(chooseSecrets(kept, given, false).secrets).toEqual(given);
});

test("B4 a new cluster gets tokens of its own", () => {
  const fresh = () => Object.values(chooseSecrets(undefined, {}, false).secrets);
  for (const token of fresh()) expect(token).toMatch(/^[0-9a-f]{48}$/);
  expect(new Set([...fresh(), ...fresh()]).size).toBe(4);
});

test("E1 a token's file is read, and one that cannot be read is named", () => {
  const folder = scratch();
  writeFileSync(join(folder, "token"), "from a file\n");
  const of = (env: Record<string, string>) =>
    readGiven({ HOME: folder, ...env }, folder, join(folder, "own"));
  const fromFile = { ok: true, value: { RAY_AUTH_TOKEN: "from a file" } };
  expect(of({ RAY_AUTH_TOKEN_PATH: join(folder, "token") })).toEqual(fromFile);
  const wrong = (variable: string, file: string) =>
    expect(of({ [variable]: file })).toMatchObject({
      ok: false,
      error: { reason: "config-unreadable", file: file.startsWith("/") ? file : "(6 characters)" },
    });
  wrong("RAY_EP_HEALTH_TOKEN_FILE", join(folder, "none"));
  // Else a cluster that somebody meant to close would be open.
  writeFileSync(join(folder, "empty"), "\ntoken");
  wrong("RAY_AUTH_TOKEN_PATH", join(folder, "empty"));
  // B7: the secret itself in the place of its file.
  wrong("RAY_EP_HEALTH_TOKEN_FILE", "s3cr3t");
});

test("Ray's own token file counts in token mode, and not in a shell that has read `ws env`", () => {
  const folder = scratch();
  mkdirSync(join(folder, ".ray"));
  writeFileSync(join(folder, ".ray/auth_token"), "of ray\n");
  const of = (env: Record<string, string>) =>
    readGiven({ HOME: folder, ...env }, folder, join(folder, "own"));
  expect(of({ RAY_AUTH_MODE: "token" })).toEqual({ ok: true, value: { RAY_AUTH_TOKEN: "of ray" } });
  const own = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: join(folder, "own/ray_auth_token") };
  for (const env of [{}, own]) expect(of(env)).toEqual({ ok: true, value: {} });
});

test("E1 .env counts where the shell has nothing", () => {
  const folder = scratch();
  writeFileSync(
    join(folder, ".env"),
    '\uFEFFRAY_AUTH_TOKEN="a#b" # c\r\n export RAY_EP_HEALTH_TOKEN = x # c',
  );
  const of = (env: Record<string, string>) => readGiven({ HOME: folder, ...env }, folder, "/none");
  expect(of({})).toEqual({ ok: true, value: { RAY_AUTH_TOKEN: "a#b", RAY_EP_HEALTH_TOKEN: "x" } });
  expect(of({ RAY_AUTH_TOKEN: "s" })).toMatchObject({ value: { RAY_AUTH_TOKEN: "s" } });
});

test("what is started gets the paths of the cluster's own tokens, and no value of any", async () => {
  const folder = scratch();
  const shell = { PATH: "/bin", RAY_AUTH_TOKEN: "shell", RAY_EP_HEALTH_TOKEN: "shell", HOME: folder };
  const context = { env: shell, terminal: { out: () => {}, err: () => {}, live: undefined } };
  const options = { stateDir: folder, configFile: join(folder, "config.yaml") };
  const of = (auth: "on" | "off") => accessTo(context, options, { auth }, "docker");
  const path = join(folder, "secrets/docker/ray_auth_token");
  const secrets = { RAY_AUTH_TOKEN: "shell", RAY_EP_HEALTH_TOKEN: "shell" };
  const on = { PATH: "/bin", RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: path, HOME: folder };
  expect(await of("on")).toEqual({ ok: true, value: { env: on, secrets } });
  const off = { PATH: "/bin", RAY_AUTH_MODE: "disabled", HOME: folder };
  expect(await of("off")).toEqual({ ok: true, value: { env: off, secrets } });
});

test("E1 what a start that failed was given is not kept", () => {
  const state = scratch();
  keepSecrets(state, "docker", given)();
  expect(readKept(state, "docker")).toBeUndefined();
  keepSecrets(state, "docker", kept);
  keepSecrets(state, "docker", given)();
  expect(readKept(state, "docker")).toEqual(kept);
});

test("D15 who chose other secrets than those that are kept is told so", () => {
  const state = scratch();
  const differs = (secrets: Secrets) => differsFromKept(state, "docker", secrets);
  expect(differs(kept)).toBe(false);
  keepSecrets(state, "docker", kept);
  expect(differs(kept)).toBe(false);
  expect(differs({ ...kept, RAY_EP_HEALTH_TOKEN: "another" })).toBe(true);
  expect(differs({})).toBe(true);
  // A file that somebody removed: `ws up` makes another, and must not take itself for another `ws`.
  rmSync(join(state, "secrets/docker/ray_ep_health_token"));
  expect(differs({ ...kept, RAY_EP_HEALTH_TOKEN: "made" })).toBe(false);
});
