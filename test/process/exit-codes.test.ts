import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { eachRig } from "../fixtures/each-rig.ts";
import { FakeGcs } from "../fixtures/fake-gcs.ts";
import { lives } from "../fixtures/rig.ts";

const rig = eachRig();

describe("the exit code says how it ended", () => {
  test("78: every wrong variable in one message, and nothing was started", async () => {
    const bad = rig.node("ray-cpu", {
      RAY_HEAD_PORT: "63x9",
      HEAD_WHITELIST: "",
      RAY_DASHBOARD_PORT: "70000",
      DISCOVERY_TIMEOUT: "-1",
      HEALTH_URL: "health:8080",
      HEAD_ADDRESS: "[::1]:6379",
    });
    expect(await bad.exit()).toBe(78);
    for (const name of [
      "RAY_HEAD_PORT",
      "HEAD_WHITELIST",
      "RAY_DASHBOARD_PORT",
      "DISCOVERY_TIMEOUT",
      "HEALTH_URL",
      "HEAD_ADDRESS",
    ])
      expect(bad.stderr).toContain(`✗ ${name}: expected`);
    expect(bad.stderr).toContain("✗ Exit code 78: The environment is wrong: 6 problems");
    expect(bad.stdout).toBe("");
  });

  test("78: a wrong word on the command line", async () => {
    const bad = rig.node("ray-cpu", {}, ["start", "--haed"]);
    expect(await bad.exit()).toBe(78);
    expect(bad.stderr).toContain("✗ --haed: expected a known option");
  });

  test("78: no such user", async () => {
    const bad = rig.node("ray-cpu", { RAY_EP_USER: "no-such-user" });
    expect(await bad.exit()).toBe(78);
    expect(bad.stderr).toContain('✗ Exit code 78: This system has no user "no-such-user"');
  });

  test("127: no ray", async () => {
    rmSync(join(rig.binDir, "ray"));
    const bad = rig.node("ray-cpu");
    expect(await bad.exit()).toBe(127);
    expect(bad.stderr).toContain(`✗ Exit code 127: There is no ray at ${join(rig.binDir, "ray")}`);
  });

  test("126: a ray that cannot be executed", async () => {
    chmodSync(join(rig.binDir, "ray"), 0o644);
    const bad = rig.node("ray-cpu");
    expect(await bad.exit()).toBe(126);
    expect(bad.stderr).toContain("cannot be executed");
  });

  test("69: pip fails, with its own words, and no Ray is started", async () => {
    await rig.health();
    const python = join(rig.binDir, "python");
    writeFileSync(python, '#!/bin/sh\necho "pip: no network for $*"\nexit 2\n');
    chmodSync(python, 0o755);
    const file = join(rig.folder, "requirements.txt");
    writeFileSync(file, "numpy\n");
    const bad = rig.node("ray-cpu", { RAY_EP_PIP_REQUIREMENTS: file });
    expect(await bad.exit()).toBe(69);
    expect(bad.stdout).toContain(`pip: no network for -m pip install --disable-pip-version-check -r ${file}`);
    expect(bad.stdout).toContain(`pip could not install ${file} (exit code 2)`);
    expect(rig.rays.runs).toEqual([]);
  });

  test.each([
    ["Ray's own code", 3, (ray: { exit(code: number): void }) => ray.exit(3)],
    ["1 for a success that nobody asked for", 1, (ray: { exit(code: number): void }) => ray.exit(0)],
    ["128 + n for signal n", 137, (ray: { die(signal: "SIGKILL"): void }) => ray.die("SIGKILL")],
  ])("%s, when it ends before the node was ready", async (_, code, end) => {
    rig.rays.manners = { joins: false, exitOnTerm: 1 };
    await rig.health();
    const cpu = rig.node("ray-cpu");
    end(await rig.rays.run("ray-cpu"));
    expect(await cpu.exit()).toBe(code);
    expect(cpu.stdout).toContain(`✗ Exit code ${code}`);
  });

  test("78: a HEAD of another version, or with another token, is named at once", async () => {
    await rig.health();
    const gcs = await FakeGcs.start({ host: rig.host("ray-cpu"), port: 6379, token: "s3cret" });
    try {
      const gpu = rig.node("ray-gpu");
      expect(await gpu.exit()).toBe(78);
      expect(gpu.stdout).toContain(`The HEAD at ${rig.host("ray-cpu")}:6379 refuses this node's token`);
    } finally {
      await gcs.stop();
    }
  });

  test("0: --help and --version", async () => {
    const [help, version] = [rig.node("x", {}, ["--help"]), rig.node("x", {}, ["--version"])];
    expect([await help.exit(), await version.exit()]).toEqual([0, 0]);
    expect(help.stdout).toContain("WAIT_FOR_HEAD");
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("the health service is down", () => {
  test("ray-gpu never leads: 75 after WAIT_FOR_HEAD, with the reason for each address", async () => {
    const gpu = rig.node("ray-gpu", {
      WAIT_FOR_HEAD: "2",
      RAY_EP_SECOND_LOOK: "0",
      HEALTH_RETRY_INTERVAL: "0.1",
    });
    expect(await gpu.exit()).toBe(75);
    expect(gpu.stdout).toContain("✗ Health service is down");
    expect(gpu.stdout).toMatch(
      /No HEAD after 2\.\d s: the health service is down .* so this node may not become HEAD/,
    );
    expect(gpu.stdout).toMatch(new RegExp(`✗ ${rig.host("ray-cpu")}:6379 refuses connections`));
    expect(gpu.stdout).not.toContain("Mode: head");
    expect(rig.rays.runs).toEqual([]);
  });

  test("ray-cpu leads after its second look, and ray-gpu joins it", async () => {
    const env = { RAY_EP_SECOND_LOOK: "1", HEALTH_RETRY_INTERVAL: "0.1" };
    const [gpu, cpu] = [rig.node("ray-gpu", env), rig.node("ray-cpu", env)];
    await cpu.says("✓ Ray cluster is ready!");
    await gpu.says("✓ Ray worker successfully joined the cluster!");
    expect(rig.rays.runs.filter((ray) => ray.isHead)).toHaveLength(1);
  });

  test("a running HEAD goes on, and says so", async () => {
    const health = await rig.health();
    const cpu = rig.node("ray-cpu");
    await cpu.says("✓ Ray cluster is ready!");
    health.signal("SIGKILL");
    await cpu.says("✗ Head lease not renewed");
    expect(cpu.running && rig.rays.runs.every(({ started }) => lives(started.pid))).toBe(true);
  });
});
