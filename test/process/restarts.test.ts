import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { ClusterView } from "../../src/common/protocol/report-protocol.ts";
import { eachRig } from "../fixtures/each-rig.ts";
import type { Running } from "../fixtures/running.ts";
import { until } from "../fixtures/until.ts";

const rig = eachRig();
let health: Running;
beforeEach(async () => {
  health = await rig.health();
});

async function view(): Promise<ClusterView> {
  const answer = await fetch(`http://${rig.healthHost}:8080/v1/cluster`);
  return ClusterView.parse(await answer.json());
}

const stateOf = async (name: string) => (await view()).nodes.find((node) => node.name === name)?.state;

test("RAY_EP_MAX_RESTARTS is the end: 70, and the last line says why", async () => {
  const cpu = rig.node("ray-cpu", { RAY_EP_MAX_RESTARTS: "2" });
  for (const index of [0, 1, 2]) {
    const ray = await rig.rays.run("ray-cpu", index);
    await until("ready", () => cpu.stdout.split("✓ Ray cluster is ready!").length === index + 2);
    ray.exit(3);
  }
  expect(await cpu.exit()).toBe(70);
  expect(cpu.stdout.trimEnd().split("\n").at(-1)).toMatch(/^✗ Exit code 70: Ray was restarted 2 times/);
});

test("a HEAD whose Ray does not start any more gives the lease back: the other candidate leads, and it joins", async () => {
  const cpu = rig.node("ray-cpu");
  await cpu.says("✓ Ray cluster is ready!");
  const gpu = rig.node("ray-gpu");
  await gpu.says("→ State: ready → watching");
  rig.rays.manners = { joins: true, exitOnTerm: 1, refuses: "ray-cpu" };
  (await rig.rays.run("ray-cpu")).exit(1);
  await cpu.says("✗ This HEAD cannot start its Ray: it gives the head lease back");
  await gpu.says("→ New cluster");
  expect((await view()).holder).toMatchObject({ node: "ray-gpu", epoch: 2 });
  rig.rays.manners = { joins: true, exitOnTerm: 1 };
  await cpu.says("✓ Ray worker successfully joined the cluster!");
});

test("a HEAD that is killed is succeeded by its next run at once, which the lock of its state folder proves", async () => {
  const env = { RAY_EP_STATE_DIR: join(rig.folder, "state") };
  const first = rig.node("ray-cpu", env);
  await first.says("✓ Ray cluster is ready!");
  first.signal("SIGKILL");
  const next = rig.node("ray-cpu", env);
  await next.says("✓ Ray cluster is ready!");
  expect(next.stdout).toContain("✓ Head lease granted, epoch 2");
  expect(next.stdout).not.toContain("same-name");
});

test("A6 a HEAD whose Ray has ended does not tell a service that forgot everything that it serves a cluster", async () => {
  const cpu = rig.node("ray-cpu");
  await cpu.says("✓ Ray cluster is ready!");
  rig.rays.manners = { joins: false, exitOnTerm: 1 };
  (await rig.rays.run("ray-cpu")).exit(1);
  await rig.rays.run("ray-cpu", 1);
  health.signal("SIGKILL");
  await health.exit();
  await rig.health();
  const holder = await until("a holder", async () => (await view()).holder, 30_000);
  expect(holder).toMatchObject({ node: "ray-cpu", clusterId: null });
});

test("the health service shows each node's state", async () => {
  rig.rays.manners = { joins: false, exitOnTerm: 1 };
  rig.node("ray-cpu");
  await until("a HEAD that starts", async () => (await stateOf("ray-cpu")) === "starting");
  rig.node("ray-gpu");
  await until("one that waits for it", async () => (await stateOf("ray-gpu")) === "waiting-for-head");
});

test("RAY_EP_LOG=json: every line is an event, the last words too", async () => {
  const cpu = rig.node("ray-cpu", { RAY_EP_LOG: "json" });
  await cpu.says('"to":"watching"');
  cpu.signal("SIGTERM");
  expect(await cpu.exit()).toBe(0);
  const events = cpu.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string });
  expect(events[0]).toMatchObject({ type: "started", node: "ray-cpu" });
  expect(events.map(({ type }) => type)).toContain("ready");
  expect(events.at(-1)).toMatchObject({ type: "stopped", signal: "SIGTERM" });
});

test("a log that cannot be written ends nothing", async () => {
  const full = openSync("/dev/full", "w");
  const node: ChildProcess = spawn(process.execPath, [join(rig.empty, "entrypoint.js")], {
    env: rig.envOf("ray-cpu"),
    stdio: ["ignore", full, full],
  });
  const ended = once(node, "exit");
  try {
    await until("the HEAD to be watched", async () => (await stateOf("ray-cpu")) === "watching");
    node.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  } finally {
    node.kill("SIGKILL");
  }
});
