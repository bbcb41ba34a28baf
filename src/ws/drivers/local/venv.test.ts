import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ensureVenv } from "./venv.ts";

test("D11 the virtual environment is made without what the shell has set for other Pythons, and with its index", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ws-venv-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const python = join(folder, "python");
  writeFileSync(python, `#!/bin/sh\nenv > ${folder}/seen\nexit 1\n`);
  chmodSync(python, 0o755);
  const shell = {
    PATH: process.env.PATH,
    HTTPS_PROXY: "http://proxy:3128",
    PIP_INDEX_URL: "https://index.example/simple",
    PIP_TARGET: "/elsewhere",
    PIP_CONSTRAINT: "/constraints",
    PYTHONPATH: "/modules",
    PYTHONHOME: "/python",
    VIRTUAL_ENV: "/other",
    CONDA_PREFIX: "/conda",
  };
  const none = () => {};
  const progress = { begin: none, note: none, say: none, done: none, fail: none, close: none };
  const { signal } = new AbortController();
  const venv = { folder: join(folder, "venv"), rayVersion: "2.60.0", python, env: shell };
  expect(await ensureVenv(venv, { progress, signal })).toMatchObject({ ok: false });
  const seen = readFileSync(join(folder, "seen"), "utf8");
  for (const kept of ["HTTPS_PROXY=http", "PIP_INDEX_URL=https"]) expect(seen).toContain(kept);
  expect(seen).not.toMatch(/^(?:PIP_TARGET|PIP_CONSTRAINT|PYTHONPATH|PYTHONHOME|VIRTUAL_ENV|CONDA)/m);
});
