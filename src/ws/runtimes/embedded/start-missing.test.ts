import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeGcs, fakeNode } from "../../../../test/fixtures/fake-gcs.ts";
import { readSettings } from "../../settings.ts";
import { type EmbeddedCluster, openCluster } from "./cluster.ts";
import { type Machine, type ProcessPlan, planNode } from "./plan.ts";
import { listProcesses, readProcess } from "./processes.ts";
import { fingerprintOf } from "./start.ts";
import { startMissing } from "./start-missing.ts";
import { recordStarted } from "./state.ts";
import { servicesThatRun } from "./up.ts";

const MACHINE: Machine = {
  node: "node",
  python: "python",
  entrypoint: "entrypoint.js",
  healthServer: "health-server.js",
  binDir: "/bin",
  user: "me",
  temp: "/tmp/none",
  healthState: "/tmp/none",
  logs: "/tmp/none",
  logForm: "timed",
  objectStoreLimitBytes: 2 ** 30,
};

let state: string;
let gcs: FakeGcs;
let cluster: EmbeddedCluster;
let plan: ProcessPlan;
let process: ChildProcess;

beforeEach(async () => {
  state = mkdtempSync(join(tmpdir(), "ws-up-"));
  gcs = await FakeGcs.start({ host: "127.77.0.3" });
  const read = readSettings(
    `{ network: { subnet: 172.77.0.0/16 }, services: { ray: { cpu: { head_port: ${gcs.address.port} }, gpu: { enabled: false } } } }`,
  );
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  const { settings } = read.value;
  cluster = openCluster({ settings, env: {}, stateDir: state, venvDir: state, dist: state });
  const [node] = settings.nodes;
  if (node === undefined) throw new Error("no node");
  plan = planNode(settings, node, MACHINE);
  process = spawn("sleep", ["600"], { stdio: "ignore" });
  record(fingerprintOf(plan));
});

afterEach(async () => {
  process.kill("SIGKILL");
  await gcs.stop();
  rmSync(state, { recursive: true });
});

/** As if an earlier `ws up` had started that process for the plan. */
function record(fingerprint: string): void {
  const pid = process.pid ?? 0;
  const startTicks = readProcess(pid, "")?.startTicks ?? 0;
  const { name, address } = plan;
  const startedAt = Date.UTC(2026, 0, 2, 3, 4, 5);
  recordStarted(cluster.folders.stateFile, {
    name,
    kind: "node",
    address,
    pid,
    startTicks,
    startedAt,
    fingerprint,
  });
}

const nothing = () => {};
const progress = {
  begin: nothing,
  note: nothing,
  say: nothing,
  done: nothing,
  fail: nothing,
  close: nothing,
};
const never = new AbortController().signal;
const start = () =>
  startMissing(cluster, [plan], { progress, signal: never, urgent: never, timeoutMs: 1000 });

test("a process that runs is not enough: its node must be ALIVE, and a wait that ends says what it was instead", async () => {
  gcs.nodes = [fakeNode("ray-cpu", { isHead: true, alive: false })];
  expect(await start()).toMatchObject({
    ok: false,
    error: { reason: "not-ready-in-time", missing: [{ node: "ray-cpu", why: "the GCS lists it as DEAD" }] },
  });
  expect(process.exitCode).toBe(null);
});

test("a node that runs and is ALIVE is up, though the GCS knew it before", async () => {
  gcs.nodes = [fakeNode("ray-cpu", { isHead: true })];
  expect(await start()).toEqual({ ok: true, value: [] });
});

test("E2 E8 a service with other settings than config.yaml has now is replaced, and one that it does not name is stopped", async () => {
  const changes = (plans: readonly ProcessPlan[]) =>
    servicesThatRun(cluster.running(), plans, "ray-cpu").map(({ change, isHead }) => ({ ...change, isHead }));
  expect(changes([plan])).toEqual([{ isHead: true }]);
  expect(changes([])).toMatchObject([{ action: "stop", isHead: true }]);
  record("another");
  expect(changes([plan])).toEqual([
    { action: "replace", why: expect.stringContaining("2026-01-02T03:04:05Z"), isHead: true },
  ]);
  gcs.nodes = [];
  expect(await start()).toMatchObject({
    error: { missing: [{ why: expect.stringContaining("config.yaml (or ws itself) changed") }] },
  });
});

test("what was started is taken down also when something throws, such as a state file that cannot be written", async () => {
  process.kill("SIGKILL");
  const { label, stateFile, temp } = cluster.folders;
  rmSync(stateFile);
  mkdirSync(`${stateFile}.new`);
  plan = { ...plan, file: "sleep", args: ["600"], ports: [] };
  await expect(start()).rejects.toThrow("EISDIR");
  expect(listProcesses(label).filter(({ service }) => service === "ray-cpu")).toEqual([]);
  expect(existsSync(temp)).toBe(false);
});
