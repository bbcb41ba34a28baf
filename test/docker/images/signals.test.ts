import { spawn } from "node:child_process";
import { describe, expect, onTestFinished, test } from "vitest";
import { env, LoneNodes } from "../../fixtures/docker/lone-nodes.ts";
import { until } from "../../fixtures/until.ts";

/** What ends a node in a container, and with which exit code. */
const nodes = LoneNodes.open();
const { engine } = nodes;

const signal = (name: string, which: string) => engine.must("kill", "--signal", which, name);

async function running(options: string[] = []): Promise<string> {
  const name = await nodes.start(options);
  await nodes.says(name, "fake ray runs");
  return name;
}

describe("signals that end the node", () => {
  test.each(["TERM", "INT", "QUIT"])("%s stops it, with 0", async (which) => {
    const name = await running();
    await signal(name, which);
    expect(await nodes.ended(name)).toBe(0);
    expect(await nodes.logs(name)).toContain(`✓ Stopped on SIG${which}`);
  });

  // Row 7 of docs/faults.md is that of KILL.
  test.each([
    ["ILL", 132],
    ["BUS", 135],
    ["FPE", 136],
    ["KILL", 137],
    ["SEGV", 139],
  ])("%s of the supervisor ends the container within seconds, with %d", async (which, code) => {
    const name = await running();
    await nodes.inside(name, `kill -${which} ${await nodes.supervisor(name)}`);
    expect(await nodes.ended(name, 10_000)).toBe(code);
  });

  test.each(["TERM", "INT", "QUIT"])("a TERM lets Ray drain; %s after it means now", async (second) => {
    const name = await running(env({ FAKE_RAY: "stubborn", RAY_EP_STOP_GRACE: 600 }));
    await signal(name, "TERM");
    await nodes.says(name, "fake ray: TERM, ignored");
    expect(await engine.inspect(name, ".State.Running")).toBe(true);
    await signal(name, second);
    expect(await nodes.ended(name)).toBe(0);
  });

  test("an INT means now, whatever Ray wants", async () => {
    const name = await running(env({ FAKE_RAY: "stubborn", RAY_EP_STOP_GRACE: 600 }));
    await signal(name, "INT");
    expect(await nodes.ended(name)).toBe(0);
  });
});

test("Ctrl-C at the terminal of `docker run -it` stops it, with 0", async () => {
  const name = engine.name("terminal");
  onTestFinished(async () => {
    await engine.docker("rm", "--force", name);
  });
  const options = `--name ${name} --label ${engine.label} --hostname alone --network none`;
  const typed = spawn("script", ["-qec", `docker run -it ${options} ${nodes.image}`, "/dev/null"]);
  let text = "";
  typed.stdout.on("data", (part: Buffer) => {
    text += part;
  });
  const code = new Promise((resolve) => typed.once("exit", resolve));
  await until(
    () => `a running ray at the terminal; it says ${text}`,
    () => text.includes("fake ray runs"),
  );
  typed.stdin.write("\x03");
  expect(await code, text).toBe(0);
  expect(text).toContain("✓ Stopped on SIGINT");
});

describe("`docker stop` never has to kill", () => {
  const stops = async (name: string): Promise<void> => {
    await engine.must("stop", name);
    expect(await engine.inspect(name, ".State.ExitCode")).toBe(0);
    expect(await nodes.logs(name)).toContain("✓ Stopped on SIGTERM");
  };

  test("a Ray that ignores TERM", async () => {
    const name = await running(env({ FAKE_RAY: "stubborn" }));
    await stops(name);
    expect(await nodes.logs(name)).toContain("→ Killing Ray after");
  });

  test("a node that waits for its HEAD", async () => {
    const name = await nodes.start(env({ HEAD_WHITELIST: "elsewhere" }));
    await nodes.says(name, "→ Waiting");
    await stops(name);
  });

  test("a node that has only just begun", async () => {
    const name = await nodes.start(env({ HEALTH_MAX_RETRIES: 100 }));
    await nodes.says(name, "ray-entrypoint");
    await stops(name);
  });
});

describe("the container's exit code", () => {
  test.each([
    { why: "a configuration that makes no sense", code: 78, values: { RAY_HEAD_PORT: "many" } },
    { why: "no HEAD in time", code: 75, values: { HEAD_WHITELIST: "elsewhere", WAIT_FOR_HEAD: 1 } },
    { why: "no ray", code: 127, values: { RAY_EP_BIN_DIR: "/nonexistent" } },
    { why: "a ray that is not executable", code: 126, values: { RAY_EP_BIN_DIR: "/opt/not-executable" } },
    { why: "Ray's own exit code", code: 3, values: { FAKE_RAY: "exit-3" } },
    { why: "a Ray that ends with 0 before it is ready", code: 1, values: { FAKE_RAY: "exit-0" } },
    { why: "a Ray that is killed before it is ready", code: 137, values: { FAKE_RAY: "killed" } },
  ])("$why: $code", async ({ code, values }) => {
    const ran = await nodes.run(env(values));
    expect(ran.code, ran.text).toBe(code);
    expect(ran.text.trimEnd().split("\n").at(-1)).toMatch(/^(✗ | {2}→ )/);
  });
});

test("`ray start` has a clean signal mask, ignores nothing, and holds no file of ours but 0, 1 and 2", async () => {
  const name = await running(env({ FAKE_RAY: "bare" }));
  const pid = /fake ray runs as (\d+)/.exec(await nodes.logs(name))?.[1];
  await until("its program", async () => (await nodes.inside(name, `cat /proc/${pid}/comm`)) === "sleep");
  const status = await nodes.inside(name, `grep -E '^Sig(Blk|Ign)' /proc/${pid}/status`);
  expect(status.replaceAll("\t", "")).toBe("SigBlk:0000000000000000\nSigIgn:0000000000000000");
  expect((await nodes.inside(name, `ls /proc/${pid}/fd`)).split("\n")).toEqual(["0", "1", "2"]);
  expect(await nodes.inside(name, `readlink /proc/${pid}/fd/0`)).toBe("/dev/null");
});
