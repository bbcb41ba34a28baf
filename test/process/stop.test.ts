import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { formatAddress } from "../../src/common/address.ts";
import { eachRig } from "../fixtures/each-rig.ts";
import { silent } from "../fixtures/odd-servers.ts";
import { lives } from "../fixtures/rig.ts";
import type { Running } from "../fixtures/running.ts";
import { until } from "../fixtures/until.ts";

const rig = eachRig();
beforeEach(async () => {
  await rig.health();
});

async function readyHead(env: Record<string, string> = {}): Promise<Running> {
  const cpu = rig.node("ray-cpu", env);
  await cpu.says("✓ Ray cluster is ready!");
  return cpu;
}

const nothingLeft = () =>
  until("the end of all of Ray", () =>
    rig.rays.runs.every(({ started, orphans }) => ![started.pid, ...orphans].some(lives)),
  );

async function holder(): Promise<unknown> {
  const answer = await fetch(`http://${rig.healthHost}:8080/v1/cluster`);
  return ((await answer.json()) as { holder: unknown }).holder;
}

describe("a stop", () => {
  test("while the Python of Ray is asked for its version and hangs: at once, and Python is gone", async () => {
    const bin = mkdtempSync(join(tmpdir(), "rep-python-"));
    onTestFinished(() => rmSync(bin, { recursive: true }));
    const [ray, python, pid] = [join(bin, "ray"), join(bin, "python3"), join(bin, "pid")];
    writeFileSync(ray, `#!${python}\n`, { mode: 0o755 });
    writeFileSync(python, `#!/bin/sh\ntrap "" TERM\necho $$ > ${pid}\nwhile :; do sleep 0.1; done\n`, {
      mode: 0o755,
    });
    const cpu = rig.node("ray-cpu", { RAY_EP_BIN_DIR: bin });
    await until("Python to be asked", () => existsSync(pid) && readFileSync(pid, "utf8") !== "");
    cpu.signal("SIGTERM");
    expect(await cpu.exit(2000)).toBe(0);
    await until("the end of Python", () => !lives(Number(readFileSync(pid, "utf8"))));
  });

  test("by SIGTERM: one to the leader of Ray, drained, lease given back, 0", async () => {
    const cpu = await readyHead();
    const ray = await rig.rays.run("ray-cpu");
    expect(await holder()).toMatchObject({ node: "ray-cpu" });
    cpu.signal("SIGTERM");
    expect(await cpu.exit()).toBe(0);
    expect(ray.signals).toEqual(["SIGTERM"]);
    expect(cpu.stdout).toContain("→ SIGTERM: draining and stopping Ray");
    expect(cpu.stdout).toMatch(/✓ Stopped on SIGTERM after \d/);
    expect(await holder()).toBeNull();
    await nothingLeft();
  });

  test("by SIGINT: now, also when Ray does not want to", async () => {
    rig.rays.manners = { joins: true, exitOnTerm: null };
    const cpu = await readyHead({ RAY_EP_STOP_GRACE: "600" });
    cpu.signal("SIGINT");
    expect(await cpu.exit()).toBe(0);
    await nothingLeft();
  });

  test("by SIGTERM: Ray's own processes are left to Ray; by a second one: all of them go now", async () => {
    rig.rays.manners = { joins: true, exitOnTerm: null };
    const cpu = await readyHead({ RAY_EP_STOP_GRACE: "600" });
    const ray = await rig.rays.run("ray-cpu");
    ray.orphan();
    await until("the orphan", () => ray.orphans.length > 0);
    cpu.signal("SIGTERM");
    await until("Ray's SIGTERM", () => ray.signals.includes("SIGTERM"));
    expect(ray.orphans.every(lives)).toBe(true);
    cpu.signal("SIGTERM");
    expect(await cpu.exit()).toBe(0);
    await nothingLeft();
  });

  test("a HEAD that drains and hears of another one ends its Ray at once", async () => {
    rig.rays.manners = { joins: true, exitOnTerm: null };
    const cpu = await readyHead({ RAY_EP_STOP_GRACE: "600" });
    cpu.signal("SIGTERM");
    await cpu.says("draining and stopping Ray");
    // A higher epoch: one that was granted on the other side of a partition.
    const request = {
      node: "ray-gpu",
      life: "other",
      address: "ray-gpu:6379",
      clusterId: "ab",
      others: "silent",
    };
    const taken = await fetch(`http://${rig.healthHost}:8080/v1/head`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...request, epoch: 7 }),
    });
    expect(taken.status).toBe(200);
    expect(await cpu.exit()).toBe(0);
    expect(cpu.stdout).toMatch(/→ Killing Ray after .*: another node has its place/);
    await nothingLeft();
  });

  test("Ray ignores SIGTERM: it is killed before the engine's KILL, with what it started", async () => {
    rig.rays.manners = { joins: true, exitOnTerm: null };
    const cpu = await readyHead({ RAY_EP_STOP_GRACE: "3" });
    const ray = await rig.rays.run("ray-cpu");
    ray.orphan();
    await until("the orphan", () => ray.orphans.length > 0);
    const began = performance.now();
    cpu.signal("SIGTERM");
    expect(await cpu.exit()).toBe(0);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(cpu.stdout).toContain("→ Killing Ray after");
    await nothingLeft();
  });

  test("the health service says nothing: the grace is kept all the same", async () => {
    await rig.close();
    await rig.open();
    rig.rays.manners = { joins: true, exitOnTerm: null };
    const health = await rig.health();
    const cpu = await readyHead({ RAY_EP_STOP_GRACE: "5", HEALTH_TIMEOUT: "30" });
    health.signal("SIGSTOP");
    const began = performance.now();
    cpu.signal("SIGTERM");
    expect(await cpu.exit()).toBe(0);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(cpu.stdout).toContain("✗ Head lease not released");
    await nothingLeft();
  });

  test("before Ray is started: at once, and none is started", async () => {
    const silence = await silent();
    try {
      const cpu = rig.node("ray-cpu", {
        HEALTH_URL: `http://${formatAddress(silence.address)}`,
        HEALTH_TIMEOUT: "60",
        HEAD_ADDRESS: `${rig.host("ray-cpu")}:6379`,
        NODE_MANAGER_PORT: "6100",
      });
      await cpu.says("→ State: deciding → starting");
      cpu.signal("SIGTERM");
      expect(await cpu.exit()).toBe(0);
      expect(rig.rays.runs).toEqual([]);
    } finally {
      await silence.stop();
    }
  });

  test("while it waits to start Ray again: at once", async () => {
    const cpu = await readyHead();
    rig.rays.manners = { joins: false, exitOnTerm: 1, refuses: "ray-cpu" };
    (await rig.rays.run("ray-cpu")).exit(1);
    await cpu.says("(restart 4 in 4.0 s)");
    cpu.signal("SIGTERM");
    expect(await cpu.exit()).toBe(0);
    expect(rig.rays.runs).toHaveLength(4);
  });

  test("of a WORKER whose HEAD is gone: there is nobody to drain to", async () => {
    const cpu = await readyHead();
    const gpu = rig.node("ray-gpu", { RAY_EP_STOP_GRACE: "600" });
    await gpu.says("✓ Ray worker successfully joined the cluster!");
    rig.rays.manners = { joins: false, exitOnTerm: null };
    cpu.signal("SIGKILL");
    (await rig.rays.run("ray-cpu")).die("SIGKILL");
    gpu.signal("SIGTERM");
    expect(await gpu.exit()).toBe(0);
    expect(gpu.stdout).toContain("the HEAD is gone, so there is nobody to drain to");
    await nothingLeft();
  });

  test("while it waits for a HEAD: at once, 0, and no Ray was started", async () => {
    const stranger = rig.node("stranger", { NODE_IP_ADDRESS: rig.host("", 9) });
    await stranger.says("→ Waiting:");
    stranger.signal("SIGTERM");
    expect(await stranger.exit()).toBe(0);
    expect(rig.rays.runs).toEqual([]);
  });

  test("before Ray is ready: Ray is stopped too", async () => {
    rig.rays.manners = { joins: false, exitOnTerm: 1 };
    const cpu = rig.node("ray-cpu");
    const ray = await rig.rays.run("ray-cpu");
    cpu.signal("SIGTERM");
    expect(await cpu.exit()).toBe(0);
    expect(ray.signals).toEqual(["SIGTERM"]);
    await nothingLeft();
  });

  test("signals that say nothing change nothing", async () => {
    const cpu = await readyHead();
    for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTSTP", "SIGPIPE"] as const)
      cpu.signal(signal);
    cpu.signal("SIGTERM");
    expect(await cpu.exit()).toBe(0);
    expect(cpu.stderr).not.toContain("Debugger listening");
  });
});

describe("after Ray's own end", () => {
  test("a node that worked starts it again, and clears what was left", async () => {
    const cpu = await readyHead();
    const first = await rig.rays.run("ray-cpu");
    first.orphan();
    await until("the orphan", () => first.orphans.length > 0);
    first.exit(3);
    await cpu.says("✗ Ray ended by itself (exit code 3)");
    const second = await rig.rays.run("ray-cpu", 1);
    expect(first.orphans.some(lives)).toBe(false);
    await until("the second GCS", () => cpu.stdout.split("✓ Ray cluster is ready!").length === 3);
    expect(second.isHead).toBe(true);
    cpu.signal("SIGTERM");
    expect(await cpu.exit()).toBe(0);
  });

  test("a WORKER whose HEAD restarts joins the new cluster", async () => {
    const cpu = await readyHead();
    const gpu = rig.node("ray-gpu");
    await gpu.says("✓ Ray worker successfully joined the cluster!");
    (await rig.rays.run("ray-cpu")).die("SIGKILL");
    await rig.rays.run("ray-cpu", 1);
    await rig.rays.run("ray-gpu", 1);
    await until(
      "both ready again",
      () =>
        cpu.stdout.split("is ready!").length === 3 && gpu.stdout.split("joined the cluster!").length === 3,
    );
  });
});
