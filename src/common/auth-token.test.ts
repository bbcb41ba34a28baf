import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openDockerCluster } from "../ws/runtimes/docker/cluster.ts";
import { openCluster } from "../ws/runtimes/embedded/cluster.ts";
import { readSettings } from "../ws/settings.ts";

/** The token with which `ws` asks the GCS, in both runtimes. */
function tokensOf(env: Record<string, string>): (string | null)[] {
  const read = readSettings("");
  if (!read.ok) throw new Error("no settings");
  const { settings } = read.value;
  const never = async () => ({ ok: false, error: { command: "", lines: [] } }) as const;
  const common = { settings, env, stateDir: "/none" };
  const docker = {
    configFile: "",
    configFolder: "",
    root: "",
    engine: { docker: never, compose: never, host: "127.0.0.1" },
  };
  return [
    openCluster({ ...common, venvDir: "/none", dist: "/none" }).token,
    openDockerCluster({ ...common, ...docker }).token,
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
  expect(tokensOf({ HOME: home, RAY_AUTH_TOKEN: "t" })).toEqual(both(null));
});
