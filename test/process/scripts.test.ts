import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lives } from "../fixtures/rig.ts";
import { until } from "../fixtures/until.ts";

const root = resolve(import.meta.dirname, "../..");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scripts-"));
  for (const each of ["bin", "scripts", "test/docker", "test/faults", "node_modules/.bin"])
    mkdirSync(join(folder, each), { recursive: true });
  for (const each of ["test.ts", "test-projects.ts", "test-report.ts", "setup.sh", "package.json"])
    cpSync(join(root, "scripts", each), join(folder, "scripts", each));
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

/** A file of most projects, named a to e, and one of the long tests. */
function someFiles(): void {
  const files = ["embedded/ws", "embedded/b", "faults/c", "docker/d", "docker/nodes/e", "docker/f.long"];
  for (const each of ["embedded", "docker/nodes"]) mkdirSync(join(folder, "test", each), { recursive: true });
  for (const each of files) writeFileSync(join(folder, `test/${each}.test.ts`), "");
}

test("npm test leaves out what lasts minutes and says how to run it; the files count as skipped", () => {
  vitestThatRan(3);
  program("bin/python3", "exit 0");
  someFiles();
  const { status, text } = run(process.execPath, "scripts/test.ts");
  expect(status, text).toBe(0);
  expect(text.match(/^→ Left out: .*/gm)).toEqual([
    "→ Left out: process-more, browser, embedded-more, faults, load, docker, docker-nodes, docker-images, machines tests (files: 4), since they last minutes; → npm run test:all runs them, and each property and simulation ten times as often",
  ]);
  expect(text).toMatch(/\n6 passed, 0 failed, 4 skipped\n$/);
});

test("npm run test:all runs all that the machine allows, and says why it allows no more", () => {
  vitestThatRan(3);
  program("bin/python3", "exit 0");
  someFiles();
  const { status, text } = run(process.execPath, "scripts/test.ts", "--all");
  expect(status, text).toBe(0);
  expect(text.match(/^→ Left out: .*/gm)).toEqual([
    "→ Left out: docker, docker-nodes, docker-images tests (files: 2), since no Docker engine answers; → test/lab/up gives this machine one",
  ]);
  expect(text).toMatch(/\n9 passed, 0 failed, 2 skipped\n$/);
});

test("words name tests wherever they belong; of those that cannot run only the named files count", () => {
  vitestThatRan(3);
  someFiles();
  const { status, text } = run(process.execPath, "scripts/test.ts", "test/faults", "test/docker/d");
  expect(status, text).toBe(0);
  expect(text.match(/^→ Left out: .*/gm)).toEqual([
    "→ Left out: embedded, embedded-more, faults tests (files: 1), since there is no python3 with venv",
    "→ Left out: docker, docker-nodes, docker-images tests (files: 1), since no Docker engine answers; → test/lab/up gives this machine one",
  ]);
  expect(text).toMatch(/\n6 passed, 0 failed, 2 skipped\n$/);
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

describe("what CI runs", () => {
  /** The number of a process that the fake npm or lab started, once it has. */
  const startedBy = (name: string): Promise<number> =>
    until(
      `${name} to start something`,
      () => existsSync(join(folder, name)) && readFileSync(join(folder, name), "utf8"),
    ).then(Number);

  /** Shell that starts a process, leaves its number in a file of that name, and waits for it. */
  const starts = (name: string): string =>
    `sleep 600 & echo $! > ${name}.new && mv ${name}.new ${name}; wait`;

  beforeEach(() => {
    for (const each of [".ci", "test/lab", "cache"]) mkdirSync(join(folder, each));
    cpSync(join(root, ".ci/run"), join(folder, ".ci/run"));
    program("test/lab/down", "echo down >> lab");
    program("bin/docker", "exit 1");
  });

  function ci() {
    const env = { PATH: `${folder}/bin:/usr/bin:/bin`, LAB_CACHE: join(folder, "cache") };
    const child = spawn("/bin/bash", [".ci/run"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (more) => {
      text += more;
    });
    return { child, ended: once(child, "close").then(() => ({ code: child.exitCode, text })) };
  }

  const lab = (): string => readFileSync(join(folder, "lab"), "utf8");

  test("all passes: the lab that it started is stopped, and the last line counts the tests", async () => {
    program("bin/npm", "case $* in test*--all) echo 3 passed ;; *check:static) echo checked ;; esac");
    program("test/lab/up", "touch cache/env; echo up >> lab");
    const { code, text } = await ci().ended;
    expect([code, text, lab()]).toEqual([0, "checked\n3 passed\n3 passed\n", "up\ndown\n"]);
  });

  test("TERM in the tests: what they started is ended, and the lab is stopped", async () => {
    program("bin/npm", `case $* in test*--all) ${starts("tests")} ;; esac`);
    program("test/lab/up", "touch cache/env; echo up >> lab");
    const { child, ended } = ci();
    const pid = await startedBy("tests");
    child.kill("SIGTERM");
    expect((await ended).code).toBe(143);
    expect([lives(pid), lab()]).toEqual([false, "up\ndown\n"]);
  });

  test("TERM while the lab comes up and the checks run: both are ended, and the lab is stopped", async () => {
    program("bin/npm", `case $* in *check:static) ${starts("checks")} ;; esac`);
    program("test/lab/up", starts("engine"));
    const { child, ended } = ci();
    const pids = await Promise.all(["checks", "engine"].map(startedBy));
    child.kill("SIGTERM");
    expect((await ended).code).toBe(143);
    expect([pids.map(lives), lab()]).toEqual([[false, false], "down\n"]);
  });

  test("a failed check or test is its exit code, and a lab that somebody uses stays", async () => {
    program("bin/npm", "case $* in test*--all) exit 3 ;; *check:static) exit 2 ;; esac");
    program("bin/docker", "exit 0");
    program("test/lab/up", "echo up >> lab");
    writeFileSync(join(folder, "cache/env"), "");
    expect([(await ci().ended).code, lab()]).toEqual([3, "up\n"]);
  });
});
