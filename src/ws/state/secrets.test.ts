import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  chooseSecrets,
  differsFromKept,
  keepSecrets,
  parseDotEnv,
  readGiven,
  readKept,
  withSecrets,
} from "./secrets.ts";

const given = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: "given", RAY_EP_HEALTH_TOKEN: "health" };
const kept = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: "kept", RAY_EP_HEALTH_TOKEN: "its own" };

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
  const off = { RAY_AUTH_MODE: "disabled" };
  expect(chooseSecrets(kept, off, false).secrets).toEqual({
    ...off,
    RAY_EP_HEALTH_TOKEN: "its own",
  });
});

test("B4 a new cluster gets its own health token; a running one without a token is not recreated for it", () => {
  const fresh = () => chooseSecrets(undefined, {}, false).secrets;
  expect(fresh().RAY_EP_HEALTH_TOKEN).toMatch(/^[0-9a-f]{48}$/);
  expect(fresh()).not.toEqual(fresh());
  expect(chooseSecrets(undefined, {}, true).secrets).toEqual({});
});

test("E1 a token's file is read, and one that cannot be read is named", () => {
  const folder = mkdtempSync(join(tmpdir(), "ws-secrets-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "token"), "from a file\n");
  const path = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: join(folder, "token") };
  const of = (env: Record<string, string>) => readGiven({ HOME: folder, ...env }, folder);
  expect(of(path)).toEqual({
    ok: true,
    value: { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: "from a file" },
  });
  expect(of({ RAY_EP_HEALTH_TOKEN_FILE: join(folder, "none") })).toMatchObject({
    ok: false,
    error: { reason: "config-unreadable", file: join(folder, "none") },
  });
  // Else a cluster that somebody meant to close would be open.
  writeFileSync(join(folder, "empty"), "\ntoken");
  expect(of({ RAY_AUTH_TOKEN_PATH: join(folder, "empty") })).toMatchObject({
    ok: false,
    error: { reason: "config-unreadable", file: join(folder, "empty") },
  });
  // B7: the secret itself in the place of its file.
  expect(of({ RAY_EP_HEALTH_TOKEN_FILE: "s3cr3t" })).toMatchObject({ error: { file: "(6 characters)" } });
});

test("only the cluster's own secrets are passed on", () => {
  const shell = { PATH: "/bin", RAY_AUTH_TOKEN: "shell", RAY_AUTH_TOKEN_PATH: "/x" };
  expect(withSecrets(shell, { RAY_EP_HEALTH_TOKEN: "h" })).toEqual({
    PATH: "/bin",
    RAY_EP_HEALTH_TOKEN: "h",
  });
});

test("E1 .env is read as compose reads it", () => {
  const text = [
    "# a comment",
    "PLAIN=a b # comment",
    "HASH=a#b",
    " export EXPORTED = x ",
    "SINGLE='it $PLAIN # is'  # c",
    'DOUBLE="a\\n\\"b\\" \\$x $HASH" # c',
    "OF_SHELL=$" + "{SHELL_ONE}-$" + "{NONE:-default}",
    "EMPTY=",
    "CRLF=x\r",
    "not a line",
  ].join("\n");
  expect(parseDotEnv("\uFEFFFIRST=1\r\n\r\n  SECOND=2")).toEqual({ FIRST: "1", SECOND: "2" });
  expect(parseDotEnv(text, { SHELL_ONE: "s" })).toEqual({
    PLAIN: "a b",
    HASH: "a#b",
    EXPORTED: "x",
    SINGLE: "it $PLAIN # is",
    DOUBLE: 'a\n"b" $x a#b',
    OF_SHELL: "s-default",
    EMPTY: "",
    CRLF: "x",
  });
});

test("E1 what a start that failed was given is not kept", () => {
  const state = mkdtempSync(join(tmpdir(), "ws-secrets-"));
  onTestFinished(() => rmSync(state, { recursive: true }));
  keepSecrets(state, "docker", given)();
  expect(readKept(state, "docker")).toBeUndefined();
  keepSecrets(state, "docker", kept);
  keepSecrets(state, "docker", given)();
  expect(readKept(state, "docker")).toEqual(kept);
});

test("D15 who chose other secrets than those that are kept is told so", () => {
  const state = mkdtempSync(join(tmpdir(), "ws-secrets-"));
  onTestFinished(() => rmSync(state, { recursive: true }));
  const differs = (secrets: Record<string, string>) =>
    differsFromKept(state, "docker", withSecrets({ PATH: "/bin" }, secrets));
  expect(differs(kept)).toBe(false);
  keepSecrets(state, "docker", { RAY_AUTH_TOKEN: "kept", RAY_EP_HEALTH_TOKEN: "its own" });
  expect(differs(kept)).toBe(false);
  expect(differs({ ...kept, RAY_EP_HEALTH_TOKEN: "another" })).toBe(true);
  expect(differs({})).toBe(true);
});
