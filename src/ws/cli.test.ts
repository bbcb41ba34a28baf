import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCli } from "./cli.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ws-cli-"));
  writeFileSync(join(folder, "config.yaml"), "host: { ip_address: 192.0.2.7 }\n");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Types a command line, in a folder of its own. */
async function ws(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: "", err: "" };
  const add = (to: "out" | "err") => (text: string) => {
    said[to] += text;
  };
  const context = {
    terminal: { out: add("out"), err: add("err"), live: undefined },
    env: { PATH: "/nowhere" },
    dist: join(folder, "dist"),
    signal: new AbortController().signal,
    urgent: new AbortController().signal,
    become: () => {},
    input: async () => "",
    interactive: false,
  };
  const code = await runCli(words, context);
  return { code, ...said };
}

const configure = (yaml: string): void => writeFileSync(join(folder, "config.yaml"), yaml);

describe("ws generate --check", () => {
  test("exits 1 where a file is missing, and writes nothing", async () => {
    for (const _ of [1, 2]) {
      const { code, out } = await ws("generate", "--check");
      expect(code).toBe(1);
      expect(out).toContain("✗ compose.yaml does not fit config.yaml and this machine. → Run: ./ws generate");
      expect(out).toContain("✗ cluster-test.compose.yaml does not fit");
    }
  });

  test("exits 0 on what ws generate has just written", async () => {
    expect((await ws("generate")).code).toBe(0);
    const { code, out } = await ws("generate", "--check");
    expect(code).toBe(0);
    expect(out).toBe("✓ compose.yaml is up to date\n✓ cluster-test.compose.yaml is up to date\n");
  });

  test("exits 1 when config.yaml has changed since, and names the file that it concerns", async () => {
    await ws("generate");
    configure("host: { ip_address: 192.0.2.7 }\ncluster_test: { test_network_subnet: 172.31.0.0/24 }\n");
    const { code, out } = await ws("generate", "--check");
    expect(code).toBe(1);
    expect(out).toContain("✓ compose.yaml is up to date");
    expect(out).toContain("✗ cluster-test.compose.yaml does not fit");
  });

  test("exits 78 on a config.yaml that is wrong", async () => {
    configure("network: { subnet: 172.28.0.0/99 }\n");
    const { code, err } = await ws("generate", "--check");
    expect(code).toBe(78);
    expect(err).toContain("network.subnet");
  });
});

describe("D10 ✗ stands only where something has to be done", () => {
  test("what this machine cannot give in full", async () => {
    configure("host: { ip_address: 192.0.2.7 }\nservices: { ray: { cpu: { cpus: 1024 } } }\n");
    const { code, out, err } = await ws("generate");
    expect(code).toBe(0);
    expect(err).toMatch(
      /^→ Parts of config\.yaml that this machine cannot provide in full:\n {2}→ ray-cpu: 1024 CPUs/,
    );
    expect(err).toContain("    Nothing has to be done");
    expect(out + err).not.toContain("✗");
  });

  test("a warning beside a wrong value is not counted among the problems", async () => {
    configure("services: { redis: {}, ray: { cpu: { cpus: many } } }\n");
    const { code, err } = await ws("generate");
    expect(code).toBe(78);
    expect(err).toMatch(
      /^→ .*has warnings:\n {2}→ .*services\.redis.*\n {4}Describe them in a compose\.override\.yaml /,
    );
    expect(err).toContain("is wrong: 1 problem\n");
    expect(err.match(/✗/g)).toHaveLength(2);
  });
});

describe("ws test --logs", () => {
  const embedded = ["--runtime", "embedded", "test", "--logs"];
  const write = (name: string, text: string): void => {
    mkdirSync(join(folder, ".ws/embedded/logs"), { recursive: true });
    writeFileSync(join(folder, `.ws/embedded/logs/${name}.log`), text);
  };

  test("shows what the test client and the test worker wrote, and nobody else's lines", async () => {
    write("test-ray-client", "✓ Ray client connected\n");
    write("test-ray-worker", "Mode: worker\n");
    write("ray-cpu", "Mode: head\n");
    const { code, out } = await ws(...embedded);
    expect(code).toBe(0);
    expect(out).toContain("test-ray-client | ✓ Ray client connected");
    expect(out).toContain("test-ray-worker | Mode: worker");
    expect(out).not.toContain("Mode: head");
  });

  test("says so where there are none yet", async () => {
    expect(await ws(...embedded)).toMatchObject({ code: 0, out: "", err: "→ There are no logs yet.\n" });
  });
});

describe("what a hint says to type repeats the files and folders that were named", () => {
  const other = () => ["-c", join(folder, "my config.yaml"), "--state", join(folder, ".ws")];
  const typed = () => `./ws -c '${join(folder, "my config.yaml")}' --state ${join(folder, ".ws")}`;
  beforeEach(() => writeFileSync(join(folder, "my config.yaml"), "host: { ip_address: 192.0.2.7 }\n"));

  test("in results and in failures, with ./ before it or not", async () => {
    expect((await ws(...other(), "generate", "--check")).out).toContain(`→ Run: ${typed()} generate\n`);
    const embedded = ["--runtime", "embedded"];
    expect((await ws(...other(), ...embedded, "ps")).out).toContain(`→ Start the cluster: ${typed()} up\n`);
    const idle = await ws(...other(), ...embedded, "shell");
    expect(idle.err).toContain(` ${typed()} up`);
    expect((await ws(...embedded, "shell")).err).not.toContain("-c");
  });

  test("but not in JSON", async () => {
    mkdirSync(join(folder, ".ws/embedded/logs"), { recursive: true });
    const { out } = await ws(...other(), "--runtime", "embedded", "down", "--json");
    expect(JSON.parse(out)).toMatchObject({ kept: [{ remove: "ws down -v" }] });
  });
});

test.each([
  ["no action", ["test"]],
  ["two at once", ["test", "--up", "--down"]],
  ["--head without --up", ["test", "--logs", "--head", "ray-cpu:6379"]],
  ["an unknown command", ["tset"]],
])("a wrong command line exits 64: %s", async (_, words) => {
  expect((await ws(...words)).code).toBe(64);
});
