import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { onOff } from "../../src/common/values.ts";
import { ownTlsFiles, ownTlsVariables } from "../../src/gcs/tls.ts";

const docker = resolve(import.meta.dirname, "../../docker");

test.each(["true", "TRUE", "1", "yes", "on", "On", "false", "0", "no", "off", "true\r", " 1 ", "no\r", ""])(
  "a login shell and the entrypoint read USE_CONDA_ENV=%s alike",
  (word) => {
    const words = ["-euc", `. ${docker}/profile.sh; printf %s "$PATH"`];
    const path = execFileSync("/bin/sh", words, {
      env: { PATH: "/bin", USE_CONDA_ENV: word },
      encoding: "utf8",
    });
    const parsed = onOff.parse(word.trim());
    const conda = word !== "" && parsed.ok && parsed.value;
    expect(path).toBe(`${conda ? "/opt/conda/envs/py/bin" : "/home/ray/anaconda3/bin"}:/bin`);
  },
);

test("a login shell in a member's node has the cluster's token and keys; elsewhere, and where it has its own, none", () => {
  const state = mkdtempSync(join(tmpdir(), "state-"));
  onTestFinished(() => rmSync(state, { recursive: true }));
  const told = (env: Record<string, string> = {}) => {
    const words = ["-euc", `. ${docker}/profile.sh; env | grep -E "^RAY_(AUTH|USE_TLS|TLS)" | sort || :`];
    return execFileSync("/bin/sh", words, {
      env: { PATH: "/bin", RAY_EP_STATE_DIR: state, ...env },
      encoding: "utf8",
    });
  };
  const lines = (variables: object) =>
    Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\n`)
      .toSorted()
      .join("");
  expect(told()).toBe("");
  const auth = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: join(state, "ray-token") };
  writeFileSync(auth.RAY_AUTH_TOKEN_PATH, "token");
  expect(told()).toBe(lines(auth));
  for (const { path } of ownTlsFiles(state, { cert: "", key: "", ca: "" })) writeFileSync(path, "");
  expect(told()).toBe(lines({ ...auth, ...ownTlsVariables(state) }));
  const own = { RAY_AUTH_MODE: "disabled", RAY_USE_TLS: "0" };
  expect(told(own)).toBe(lines(own));
});

test("install.sh on an image that was built here before changes nothing and fails at nothing", () => {
  const root = mkdtempSync(join(tmpdir(), "install-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ["opt/ray-entrypoint", "etc/profile.d", "home", "bin"])
    mkdirSync(join(root, folder), { recursive: true });
  const program = (name: string, body: string) => {
    writeFileSync(join(root, "bin", name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(root, "bin", name), 0o755);
  };
  program("getent", `echo "ray:x:1000:100::${root}/home:/bin/bash"`);
  program("install", "exit 0");
  program("ray", "exit 0");
  writeFileSync(join(root, "opt/ray-entrypoint/profile.sh"), "echo ours\n");
  writeFileSync(join(root, "home/.profile"), "echo theirs\n");
  const text = readFileSync(join(docker, "install.sh"), "utf8").replaceAll(
    /\/(opt\/ray|etc\/profile)/g,
    `${root}/$1`,
  );
  const env = { PATH: `${root}/bin:${process.env.PATH}` };
  for (const _ of ["the first build", "the second"]) execFileSync("/bin/sh", ["-c", text], { env });
  expect(readdirSync(join(root, "home")).toSorted()).toEqual([".profile", ".profile.base"]);
  const said = execFileSync("/bin/sh", ["-c", `. ${root}/home/.profile`], {
    encoding: "utf8",
    timeout: 10_000,
  });
  expect(said).toBe("theirs\nours\n");
});

describe("what V8 made of the entrypoint while the image was built", () => {
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), "compiled-"));
    onTestFinished(() => rmSync(made, { recursive: true }));
    copyFileSync(join(docker, "compile-cache.cjs"), join(made, "compile-cache.cjs"));
    mkdirSync(join(made, "cache"));
    return made;
  };
  const entrypoint = (at: string, says: string) =>
    writeFileSync(join(at, "entrypoint.js"), `(() => console.log("${says}", process.argv.slice(2)))();`);
  const node = (at: string, ...words: string[]) =>
    execFileSync(process.execPath, words, { cwd: at, encoding: "utf8" }).trim();
  const run = (at: string) => node(at, "--require", "./compile-cache.cjs", "entrypoint.js", "word");

  test("runs, and V8 itself does not see that another text of the same length has taken its place", () => {
    const at = folder();
    entrypoint(at, "first");
    node(at, "compile-cache.cjs");
    expect(run(at)).toBe("first [ 'word' ]");
    entrypoint(at, "other");
    writeFileSync(join(at, "cache/entrypoint.js"), readFileSync(join(at, "entrypoint.js")));
    expect(run(at)).toBe("first [ 'word' ]");
  });

  test("is left alone where the entrypoint is another one, or it is damaged, for other flags or not there", () => {
    const at = folder();
    entrypoint(at, "first");
    expect(run(at)).toBe("first [ 'word' ]");
    node(at, "--no-opt", "compile-cache.cjs");
    expect(run(at)).toBe("first [ 'word' ]");
    node(at, "compile-cache.cjs");
    entrypoint(at, "other");
    expect(run(at)).toBe("other [ 'word' ]");
    node(at, "compile-cache.cjs");
    writeFileSync(join(at, "cache/entrypoint.v8"), "damaged");
    expect(run(at)).toBe("other [ 'word' ]");
  });
});
