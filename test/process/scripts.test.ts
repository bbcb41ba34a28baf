import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scripts-"));
  for (const each of ["bin", "scripts", "test/docker", "test/faults", "node_modules/.bin"])
    mkdirSync(join(folder, each), { recursive: true });
  for (const each of ["scripts/test.ts", "scripts/setup.sh", "scripts/package.json"])
    cpSync(join(root, each), join(folder, each));
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(name: string, body: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(folder, name), 0o755);
}

function run(file: string, ...args: string[]) {
  const env = { PATH: `${folder}/bin:/usr/bin:/bin` };
  const { status, stdout, stderr } = spawnSync(file, args, { cwd: folder, env, encoding: "utf8" });
  return { status, text: `${stdout}${stderr}` };
}

/** A vitest that reports so many tests, and these files with failures, on a machine without Docker. */
function vitestThatRan(passed: number, testResults: readonly object[] = []): void {
  const report = { numPassedTests: passed, numPendingTests: 0, numTodoTests: 0, testResults };
  const code = `require("fs").writeFileSync(process.argv.find((each) => each.startsWith("--outputFile.json=")).slice(18), ${JSON.stringify(JSON.stringify(report))})`;
  writeFileSync(join(folder, "node_modules/.bin/vitest"), code);
  program("bin/docker", "exit 1");
  program("bin/python3", "exit 1");
}

test("npm test with a filter that names no test fails and says so", () => {
  vitestThatRan(0);
  const { status, text } = run(process.execPath, "scripts/test.ts", "mistyped");
  expect(status, text).toBe(1);
  expect(text).toContain("✗ No test ran: none is named by mistyped");
  expect(text).not.toContain("Left out");
});

test("files that were left out count as skipped", () => {
  vitestThatRan(3);
  writeFileSync(join(folder, "test/docker/a.test.ts"), "");
  writeFileSync(join(folder, "test/docker/b.long.test.ts"), "");
  writeFileSync(join(folder, "test/faults/c.test.ts"), "");
  const { status, text } = run(process.execPath, "scripts/test.ts");
  expect(status, text).toBe(0);
  expect(text).toContain(
    "→ Left out: docker, docker-nodes, docker-images tests (files: 1), since no Docker engine answers",
  );
  expect(text).toMatch(/\n3 passed, 0 failed, 2 skipped\n$/);
});

test("what failed is named again before the counts, a file that could not be loaded included", () => {
  const failed = {
    status: "failed",
    fullName: "a part does it",
    failureMessages: ["\u001b[31mexpected 1\u001b[0m\nat x"],
  };
  const skipped = { status: "skipped", fullName: "never came to it", failureMessages: [] };
  vitestThatRan(2, [
    { name: join(folder, "src/a.test.ts"), status: "failed", message: "", assertionResults: [failed] },
    {
      name: join(folder, "src/b.test.ts"),
      status: "failed",
      message: "no such module",
      assertionResults: [],
    },
    { name: join(folder, "src/c.test.ts"), status: "failed", message: "", assertionResults: [skipped] },
  ]);
  const { status, text } = run(process.execPath, "scripts/test.ts");
  expect(status, text).toBe(1);
  expect(text).toContain(
    "✗ src/a.test.ts > a part does it: expected 1\n✗ src/b.test.ts: no such module\n✗ src/c.test.ts: a hook or its process failed\n",
  );
  expect(text).toMatch(/\n2 passed, 3 failed, \d+ skipped\n$/);
});

test("set-up that got no Node from npm, beside one that is too old, says that install scripts are off", () => {
  writeFileSync(join(folder, "package-lock.json"), "{}");
  writeFileSync(join(folder, "package.json"), "{}");
  writeFileSync(join(folder, ".npmrc"), "");
  program("bin/node", "case $1 in --version) echo v20.1.0 ;; *) echo 20 ;; esac");
  program("bin/npm", "mkdir -p node_modules");
  const { status, text } = run("/bin/sh", "scripts/setup.sh");
  expect(status, text).toBe(69);
  expect(text).toContain(
    "npm installed no Node 24 (node_modules/.bin/node), and this machine's own is v20.1.0",
  );
  expect(text).toContain("ignore-scripts");
});
