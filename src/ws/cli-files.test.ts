import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "./cli.ts";
import { foldersOf } from "./drivers/local/machine.ts";

let root: string;
let said: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ws-cli-"));
  said = "";
});
afterEach(() => rmSync(root, { recursive: true }));

function ws(words: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const say = (text: string) => {
    said += text;
  };
  const context = {
    terminal: { out: say, err: say, live: undefined },
    env: { PATH: process.env.PATH, ...env },
    dist: join(root, "dist"),
    signal: new AbortController().signal,
    urgent: new AbortController().signal,
    become: () => {},
    interactive: false,
  };
  return runCli(["--runtime", "embedded", ...words], context);
}

test("a config.yaml that was named must be there and be a file; the usual one may be missing", async () => {
  expect(await ws(["-c", join(root, "none.yaml"), "ps"])).toBe(78);
  expect(said).toContain("none.yaml cannot be read: there is no such file");
  expect(await ws(["-c", root, "ps"])).toBe(78);
  expect(said).toContain(`${root} cannot be read: it is a folder`);
  expect(await ws(["ps"])).toBe(1);
});

test("a state folder that cannot be made is an error with its path and a way out, and no stack trace", async () => {
  const file = join(root, "file");
  writeFileSync(file, "");
  expect(await ws(["--state", file, "down"])).toBe(74);
  expect(said).toMatch(/✗ \/.*\/file.* cannot be used: E/);
  expect(said).toMatch(/^→ .*--state/m);
  expect(said).not.toContain("    at ");
});

test("a folder for the report that cannot be made is said before anything is tested", async () => {
  const file = join(root, "file");
  writeFileSync(file, "");
  expect(await ws(["test", "--up", "--report", join(file, "report")])).toBe(74);
  expect(said).toMatch(/✗ \/.*\/file\/report cannot be used: ENOTDIR/);
});

test("an empty WS_STATE_DIR is not the folder that one stands in", async () => {
  expect(await ws(["down"], { WS_STATE_DIR: "", WS_VENV_DIR: "" })).toBe(0);
  expect(existsSync(join(root, ".ws/embedded/lock"))).toBe(true);
});

test("down -v removes what ws wrote, and neither its lock nor what others put there", async () => {
  const folder = join(root, ".ws/embedded");
  mkdirSync(join(folder, "logs"), { recursive: true });
  writeFileSync(join(folder, "logs/ray-cpu.log"), "");
  writeFileSync(join(folder, "state.json"), "");
  writeFileSync(join(folder, "notes"), "");
  expect(await ws(["down", "-v"])).toBe(0);
  const left = ["logs", "state.json", "notes", "lock"].filter((name) => existsSync(join(folder, name)));
  expect(left).toEqual(["notes", "lock"]);
});

test("B10 down does not follow a link in the place of its temporary folder", async () => {
  const { temp } = foldersOf(join(root, ".ws"));
  const victim = join(root, "victim");
  mkdirSync(join(victim, "ray-cpu"), { recursive: true });
  writeFileSync(join(victim, "ray-cpu/theirs"), "");
  symlinkSync(victim, temp);
  try {
    expect(await ws(["down", "-v"])).toBe(0);
    expect(existsSync(join(victim, "ray-cpu/theirs"))).toBe(true);
    expect(readdirSync(victim)).toEqual(["ray-cpu"]);
  } finally {
    rmSync(temp, { force: true });
  }
});
