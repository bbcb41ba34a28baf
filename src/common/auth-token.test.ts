import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { readSettings } from "../ws/config/settings.ts";
import { composeDriver } from "../ws/drivers/compose/driver.ts";
import { refusal } from "../ws/drivers/compose/engine.ts";
import { localDriver } from "../ws/drivers/local/driver.ts";
import { authOfRay, decideAuth, tokenIn } from "./auth-token.ts";

/** The token with which `ws` asks the GCS, in both runtimes. */
function tokensOf(env: Record<string, string>): (string | null)[] {
  const read = readSettings("");
  if (!read.ok) throw new Error("no settings");
  const { settings } = read.value;
  const never = async () => ({ ok: false, error: refusal("", []) }) as const;
  const common = { settings, env, stateDir: "/none" };
  const docker = {
    configFile: "",
    configFolder: "",
    root: "",
    engine: { docker: never, compose: never, host: "127.0.0.1" },
  };
  return [
    localDriver({ ...common, venvDir: "/none", dist: "/none", configFolder: "." }).token,
    composeDriver({ ...common, ...docker }).token,
  ];
}

test("the token is the variable's, else that of the named file, else that of Ray's own; and only in token mode", () => {
  const home = mkdtempSync(join(tmpdir(), "ws-home-"));
  onTestFinished(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, ".ray"));
  writeFileSync(join(home, ".ray/auth_token"), "of ray\n");
  writeFileSync(join(home, "named"), "named\n");
  const mode = { HOME: home, RAY_AUTH_MODE: "token" };
  const both = (token: string | null) => [token, token];
  expect(tokensOf({ ...mode, RAY_AUTH_TOKEN: "t", RAY_AUTH_TOKEN_PATH: join(home, "named") })).toEqual(
    both("t"),
  );
  expect(tokensOf({ ...mode, RAY_AUTH_TOKEN_PATH: join(home, "named") })).toEqual(both("named"));
  expect(tokensOf(mode)).toEqual(both("of ray"));
  expect(tokensOf({ ...mode, HOME: join(home, "none") })).toEqual(both(null));
  expect(tokensOf({ HOME: home, RAY_AUTH_MODE: "disabled", RAY_AUTH_TOKEN: "t" })).toEqual(both(null));
  // As Ray's HEAD decides without a mode.
  expect(tokensOf({ HOME: home, RAY_AUTH_TOKEN: "t" })).toEqual(both("t"));
  expect(tokensOf({ HOME: home })).toEqual(both("of ray"));
  expect(tokensOf({ HOME: join(home, "none") })).toEqual(both(null));
});

describe("C1 the token mode is Ray's own decision, made once for all parts", () => {
  const decide = (env: Record<string, string>, version: string | null, tokenFile: string | null = null) => {
    const { mode, token, reason } = authOfRay(decideAuth(env, tokenIn(env, tokenFile)), version);
    return `${mode} ${token} ${reason}`;
  };

  test.each([
    // A given mode, in any case; blanks around it come from files with other line ends.
    [{ RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: "t" }, "2.60.0", "token t given"],
    [{ RAY_AUTH_MODE: "TOKEN", RAY_AUTH_TOKEN: "t" }, "2.60.0", "token t given"],
    [{ RAY_AUTH_MODE: "token\r", RAY_AUTH_TOKEN: "t\r" }, "2.60.0", "token t given"],
    [{ RAY_AUTH_MODE: "disabled", RAY_AUTH_TOKEN: "t" }, "2.60.0", "disabled null given"],
    // None was given: the HEAD of Ray 2.59 and later turns it on by itself.
    [{ RAY_AUTH_TOKEN: "t" }, "2.60.0", "token t token-found"],
    [{ RAY_AUTH_TOKEN: "t", RAY_AUTH_MODE: "" }, "2.59.1", "token t token-found"],
    [{ RAY_AUTH_TOKEN: "t" }, null, "token t token-found"],
    [{ RAY_AUTH_TOKEN: "t" }, "3.0.0.dev0", "token t token-found"],
    [{ RAY_AUTH_TOKEN: "t" }, "2.58.0", "disabled null not-told"],
    [{ RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: "t" }, "2.52.0", "token t given"],
    [{ RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: "t" }, "2.51.2", "disabled null too-old"],
    [{}, "2.60.0", "disabled null no-token"],
  ])("%o with Ray %s: %s", (env: Record<string, string>, version, expected) => {
    expect(decide(env, version)).toBe(expected);
  });

  test.each([
    [{}, "f\n", "f"],
    [{}, " f \r\nmore\n", "f"],
    [{}, "\nmore", undefined],
    [{ RAY_AUTH_TOKEN: "t" }, "f", "t"],
    // Ray does not read the file if the variable holds anything at all.
    [{ RAY_AUTH_TOKEN: " " }, "f", undefined],
    [{ RAY_AUTH_TOKEN: "" }, "f", "f"],
    [{}, null, undefined],
  ])("the token in %o and a file of %o is %s", (env, file, token) => {
    expect(tokenIn(env, file)).toBe(token);
  });
});
