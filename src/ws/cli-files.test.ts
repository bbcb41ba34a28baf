import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "./cli.ts";
import { foldersOf } from "./drivers/local/machine.ts";

let root: string;
let said: string;
/** Of the last command, on its standard output alone. */
let out: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ws-cli-"));
  said = "";
});
afterEach(() => rmSync(root, { recursive: true }));

function ws(words: readonly string[], env: Record<string, string> = {}): Promise<number> {
  out = "";
  const say = (text: string) => {
    said += text;
  };
  const both = (text: string) => {
    out += text;
    say(text);
  };
  const context = {
    terminal: { out: both, err: say, live: undefined },
    env: { PATH: process.env.PATH, ...env },
    dist: join(root, "dist"),
    signal: new AbortController().signal,
    urgent: new AbortController().signal,
    become: () => {},
    input: async () => "",
    interactive: false,
  };
  return runCli(["--runtime", "embedded", ...words], context);
}

test("a config.yaml that was named must be there and be a file; the usual one may be missing", async () => {
  expect(await ws(["-c", join(root, "none.yaml"), "ps"])).toBe(78);
  expect(said).toContain("none.yaml cannot be read: there is no such file");
  expect(await ws(["-c", root, "ps"])).toBe(78);
  expect(said).toContain(`${root} cannot be read: it is a folder`);
  const fifo = join(root, "fifo");
  spawnSync("mkfifo", [fifo]);
  expect(await ws(["-c", fifo, "ps"])).toBe(78);
  expect(said).toContain("fifo cannot be read: it is no regular file");
  expect(await ws(["ps"])).toBe(1);
});

test("down says what it keeps and how that goes, and nothing where nothing is left", async () => {
  const folder = join(root, ".ws/embedded");
  const venv = join(root, ".ws/venv-2.60.0");
  for (const each of [venv, join(folder, "logs")]) mkdirSync(each, { recursive: true });
  expect(await ws(["down"])).toBe(0);
  expect(said).toMatch(/^→ What stays, and what removes it:$/m);
  expect(said).toContain(`  logs and what the services remember, below ${folder}: ws down -v\n`);
  expect(said).toContain(`  Ray 2.60.0 in ${venv}: rm -rf '${venv}'\n`);
  said = "";
  expect(await ws(["down", "-v", "--json"])).toBe(0);
  expect(JSON.parse(out)).toEqual({
    stopped: [],
    killed: 0,
    kept: [{ what: `Ray 2.60.0 in ${venv}`, remove: `rm -rf '${venv}'` }],
  });
  rmSync(venv, { recursive: true });
  said = "";
  await ws(["down"]);
  expect(said).not.toContain("stays");
});

/** Ports that no other cluster of this machine is likely to have. */
const OTHER_PORTS = `
network: { subnet: 172.29.128.0/24 }
services:
  health: { port: 31417 }
  ray:
    cpu: { head_port: 31427, dashboard_port: 31437, client_port: 21447 }
    gpu: { head_port: 31428, dashboard_port: 31438, client_port: 21448 }
`;

test("up --dry-run --json is the plan, on standard output alone", async () => {
  writeFileSync(join(root, "config.yaml"), OTHER_PORTS);
  const code = await ws(["up", "--dry-run", "--json"]);
  expect(code, said).toBe(0);
  const plan = ["health", "ray-cpu", "ray-gpu"].map((service) => ({
    action: "start",
    ...{ service, why: "", lost: "" },
  }));
  expect(JSON.parse(out)).toEqual({ plan });
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
