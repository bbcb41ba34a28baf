import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { configOf } from "../../../test/fixtures/config.ts";
import { namesIn, probeLocal } from "./local.ts";

const root = mkdtempSync(join(tmpdir(), "local-"));
const ray = (folder: string) => join(root, folder, "ray");

beforeAll(() => {
  for (const [folder, mode] of [
    ["good", 0o755],
    ["closed", 0o644],
  ] as const) {
    mkdirSync(join(root, folder));
    writeFileSync(ray(folder), "#!/bin/sh\n");
    chmodSync(ray(folder), mode);
  }
});
afterAll(() => rmSync(root, { recursive: true }));

const RAY = { name: "ray", uid: 1000, gid: 100, groups: [], home: "/home/ray", shell: "/bin/bash" };
const USERS = { uid: 1000, user: "ray", rayUser: RAY, becomes: null };

const SIGNAL = new AbortController().signal;
const probe = (folder: string, users = {}) =>
  probeLocal(
    { ...USERS, ...users },
    configOf("a", { RAY_EP_BIN_DIR: join(root, folder) }).values,
    {},
    SIGNAL,
  );

test("who is Ray's user already runs it", async () => {
  const value = { rayUser: RAY, becomes: null, ray: { path: ray("good") }, requirements: [] };
  expect(await probe("good")).toMatchObject({ ok: true, value });
});

test.each([
  ["no ray", "none", {}, { reason: "ray-not-found", path: ray("none") }],
  ["ray not executable", "closed", {}, { reason: "ray-not-executable", file: ray("closed"), code: "EACCES" }],
  ["no such user", "good", { rayUser: null }, { reason: "no-such-user", user: "ray" }],
  ["neither root nor the user", "good", { uid: 33, user: "www" }, { reason: "wrong-user", wanted: "ray" }],
])("Ray cannot run: %s", async (_, folder, users, error) => {
  expect(await probe(folder, users)).toMatchObject({ ok: false, error });
});

test("Ray is found on PATH, USE_CONDA_ENV names another place, and RAY_EP_BIN_DIR wins over both", async () => {
  const env = { PATH: `relative:${join(root, "good")}` };
  expect(await probeLocal(USERS, configOf("a").values, env, SIGNAL)).toMatchObject({ ok: true });
  const conda = configOf("a", { USE_CONDA_ENV: "true" }).values;
  const error = { reason: "ray-not-found", path: "/opt/conda/envs/py/bin/ray" };
  expect(await probeLocal(USERS, conda, env, SIGNAL)).toMatchObject({ ok: false, error });
  const both = configOf("a", { USE_CONDA_ENV: "true", RAY_EP_BIN_DIR: join(root, "none") }).values;
  expect(await probeLocal(USERS, both, env, SIGNAL)).toMatchObject({
    ok: false,
    error: { path: ray("none") },
  });
});

test("the names that a hosts file has for each address, comments left out", () => {
  const text =
    "127.0.0.1 localhost\n10.77.0.1\tgpu01-fast.lab gpu01-fast # data\n#10.77.0.2 x\n10.77.0.1 gpu01-data";
  expect([...namesIn(text)]).toEqual([
    ["127.0.0.1", ["localhost"]],
    ["10.77.0.1", ["gpu01-fast.lab", "gpu01-fast", "gpu01-data"]],
  ]);
});
