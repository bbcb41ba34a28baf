import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../../test/fixtures/until.ts";
import { SessionFolder } from "./session-folder.ts";

const LIMITS = { count: 2, bytes: 10_000 };
let temp: string;
let process: ChildProcess | undefined;

beforeEach(() => {
  temp = mkdtempSync(join(tmpdir(), "sessions-"));
});

afterEach(() => {
  if (process?.spawnargs[0] === "flock") globalThis.process.kill(-(process.pid ?? 0), "SIGKILL");
  process?.kill("SIGKILL");
  process = undefined;
  rmSync(temp, { recursive: true, force: true });
});

function makeSession(name: string, bytes = 100): void {
  mkdirSync(join(temp, name, "logs"), { recursive: true });
  writeFileSync(join(temp, name, "logs", "raylet.out"), "x".repeat(bytes));
}

const kept = (): string[] => readdirSync(join(temp, "old-sessions")).toSorted();

/** What a node does before it starts Ray there. */
async function archive(path = temp) {
  const folder = new SessionFolder(path, null);
  const archived = await folder.archive(LIMITS);
  folder.close();
  return archived;
}
const NOTHING = { names: [], obstacle: null, neighbour: false };

test("sessions are put aside, with the address that Ray would take for a running HEAD; other files stay", async () => {
  makeSession("session_2026-01-01_1");
  symlinkSync(join(temp, "session_2026-01-01_1"), join(temp, "session_latest"));
  for (const name of ["ray_current_cluster", "prometheus.json"]) writeFileSync(join(temp, name), "a:1");

  expect(await archive()).toEqual({ ...NOTHING, names: ["session_2026-01-01_1"] });

  expect(kept()).toEqual(["session_2026-01-01_1"]);
  expect(existsSync(join(temp, "session_2026-01-01_1"))).toBe(false);
  expect(existsSync(join(temp, "ray_current_cluster"))).toBe(false);
  expect(existsSync(join(temp, "prometheus.json"))).toBe(true);
});

test("a link of Ray's into a session that is put aside goes: Ray replaces none that leads nowhere", async () => {
  makeSession("session_2026-01-01_1");
  symlinkSync(join(temp, "session_2026-01-01_1"), join(temp, "session_latest"));
  symlinkSync(join(temp, "session_2026-01-01_1", "logs", "raylet.out"), join(temp, "prometheus.json"));
  symlinkSync(tmpdir(), join(temp, "elsewhere"));
  await archive();
  expect(readdirSync(temp).toSorted()).toEqual(["elsewhere", "old-sessions"]);
});

test("only the newest are kept, by number and by size", async () => {
  for (const day of [1, 2, 3, 4]) makeSession(`session_2026-01-0${day}_1`);
  await archive();
  expect(kept()).toEqual(["session_2026-01-03_1", "session_2026-01-04_1"]);

  makeSession("session_2026-01-05_1", 9_950);
  await archive();
  expect(kept()).toEqual(["session_2026-01-05_1"]);

  makeSession("session_2026-01-06_1", 10_001);
  await archive();
  expect(kept()).toEqual([]);
});

test("with Redis a session keeps its name: the later one replaces the earlier", async () => {
  for (const bytes of [10, 20]) {
    makeSession("session_2026-01-01_1", bytes);
    await archive();
  }
  expect(kept()).toEqual(["session_2026-01-01_1"]);
});

test("a session that another Ray of this machine uses stays, and so does its address", async () => {
  makeSession("session_2026-01-01_1");
  writeFileSync(join(temp, "ray_current_cluster"), "a:1");
  const words = ["-c", "sleep 60 # $0", join(temp, "session_2026-01-01_1", "sockets")];
  process = spawn("sh", words, { stdio: "ignore" });
  await new Promise((resolve) => process?.once("spawn", resolve));

  expect(await archive()).toEqual({ ...NOTHING, neighbour: true });
  expect(existsSync(join(temp, "ray_current_cluster"))).toBe(true);
});

test("no folder yet is nothing to put aside", async () => {
  expect(await archive(join(temp, "none"))).toEqual(NOTHING);
  expect(readdirSync(join(temp, "none"))).toEqual([]);
});

test("what stands in the way is told and stops nothing", async () => {
  makeSession("session_2026-01-01_1");
  writeFileSync(join(temp, "old-sessions"), "a file where the folder should be");
  expect(await archive()).toEqual({
    ...NOTHING,
    obstacle: expect.stringContaining("old-sessions"),
  });
});

describe("B6 a folder that several containers mount", () => {
  const NAME = "session_2026-01-01_1";
  test("while another node shares it nothing is archived, and this is reported", async () => {
    makeSession(NAME);
    writeFileSync(join(temp, "ray_current_cluster"), "a:1");
    process = spawn("flock", ["--shared", temp, "sleep", "60"], { stdio: "ignore", detached: true });
    await until("the lock", () => spawnSync("flock", ["--nonblock", temp, "true"]).status === 1);
    expect(await archive()).toEqual({ ...NOTHING, neighbour: true });
    expect(readdirSync(temp).toSorted()).toEqual(["ray_current_cluster", NAME]);
  });

  test("every process with the open file keeps the lock until it is released", async () => {
    const folder = new SessionFolder(temp, null);
    await folder.archive(LIMITS);
    expect(spawnSync("flock", ["--nonblock", temp, "true"]).status).toBe(1);
    process = spawn("sleep", ["60"], { stdio: ["ignore", "ignore", "ignore", folder.fd] });
    await new Promise((resolve) => process?.once("spawn", resolve));
    folder.close();
    expect(spawnSync("flock", ["--nonblock", temp, "true"]).status).toBe(1);
    process.kill("SIGKILL");
    await until("the end of the lock", () => spawnSync("flock", ["--nonblock", temp, "true"]).status === 0);
  });

  test("the lock is held from the start on, and anew where the folder was removed meanwhile", async () => {
    const folder = new SessionFolder(join(temp, "ray"), null);
    const isHeld = () => spawnSync("flock", ["--nonblock", folder.path, "true"]).status === 1;
    folder.share();
    await until("the lock", isHeld);
    rmSync(folder.path, { recursive: true });
    await folder.archive(LIMITS);
    expect(isHeld()).toBe(true);
    folder.close();
  });

  test("after a look at earlier sessions the lock is shared, whether the node was alone or not", async () => {
    const [first, second] = [new SessionFolder(temp, null), new SessionFolder(temp, null)];
    makeSession(NAME);
    await first.archive(LIMITS);
    expect(spawnSync("flock", ["--shared", "--nonblock", temp, "true"]).status).toBe(0);
    makeSession(NAME);
    await second.archive(LIMITS);
    first.close();
    expect(spawnSync("flock", ["--nonblock", temp, "true"]).status).toBe(1);
    second.close();
  });

  test("a raylet that was started without this program is known by its socket", async () => {
    mkdirSync(join(temp, NAME, "sockets"), { recursive: true });
    const raylet = createServer().listen(join(temp, NAME, "sockets", "raylet"));
    await once(raylet, "listening");
    expect(await archive()).toEqual({ ...NOTHING, neighbour: true });
    raylet.close();
    await once(raylet, "close");
    expect(await archive()).toEqual({ ...NOTHING, names: [NAME] });
  });

  test("a socket that a killed raylet left behind blocks nothing", async () => {
    const path = join(temp, NAME, "sockets", "raylet");
    mkdirSync(join(temp, NAME, "sockets"), { recursive: true });
    const program = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(globalThis.process.execPath, ["-e", program]);
    expect(existsSync(path)).toBe(true);
    expect(await archive()).toEqual({ ...NOTHING, names: [NAME] });
  });

  test("if the file system has no locks, no session is proven dead and all stay", async () => {
    makeSession(NAME);
    const flock = join(temp, "flock");
    // EX_OSERR: No locks available.
    writeFileSync(flock, "#!/bin/sh\nexit 71\n", { mode: 0o755 });
    const folder = new SessionFolder(temp, null, flock);
    expect(await folder.archive(LIMITS)).toMatchObject({ names: [], neighbour: true });
    expect(existsSync(join(temp, NAME))).toBe(true);
    folder.close();
  });

  test("a folder that cannot be made is reported", async () => {
    expect(await archive(join(temp, "x".repeat(300)))).toEqual({
      ...NOTHING,
      obstacle: expect.stringContaining("ENAMETOOLONG"),
    });
  });
});
