import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeGcs, fakeNode } from "../../../test/fixtures/fake-gcs.ts";
import { readSettings } from "../config/settings.ts";
import type { Driver, Request } from "../drivers/driver.ts";
import { localDriver } from "../drivers/local/driver.ts";
import { foldersOf, readMachine } from "../drivers/local/machine.ts";
import { planNode } from "../drivers/local/plan.ts";
import { listProcesses, readProcess, recordStarted } from "../drivers/local/processes.ts";
import { fingerprintOf } from "../drivers/local/start-stop.ts";
import { planCluster } from "./plan.ts";
import { start } from "./start.ts";

let state: string;
let gcs: FakeGcs;
let driver: Driver;
let request: Request;
let process: ChildProcess;
const folders = () => foldersOf(state);

beforeEach(async () => {
  state = mkdtempSync(join(tmpdir(), "ws-up-"));
  gcs = await FakeGcs.start({ host: "127.77.0.3" });
  const read = readSettings(
    `{ network: { subnet: 172.77.0.0/16 }, services: { health: { enabled: false }, ray: { cpu: { head_port: ${gcs.address.port} }, gpu: { enabled: false } } } }`,
  );
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  const { settings } = read.value;
  const folders = { stateDir: state, venvDir: state, dist: state, configFolder: state };
  driver = localDriver({ settings, env: {}, secrets: {}, ...folders });
  request = { part: "main", head: settings.test.target, build: false };
  process = spawn("sleep", ["600"], { stdio: "ignore" });
  record();
});

afterEach(async () => {
  process.kill("SIGKILL");
  await gcs.stop();
  rmSync(state, { recursive: true });
});

/** As if an earlier `ws up` had started that process. */
function record(fingerprint = fingerprintNow()): void {
  const pid = process.pid ?? 0;
  recordStarted(folders().stateFile, {
    name: "ray-cpu",
    address: gcs.address.host,
    pid,
    startTicks: readProcess(pid)?.startTicks ?? 0,
    startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    fingerprint,
  });
}

function fingerprintNow(): string {
  const { settings, binDir } = driver;
  const [node] = settings.nodes;
  if (node === undefined) throw new Error("no node");
  return fingerprintOf(
    planNode(settings, node, readMachine(settings, folders(), { binDir, dist: state, configFolder: state })),
  );
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
const startNow = (timeoutMs = 3000) =>
  start(driver, request, { progress, signal: never, urgent: never, timeoutMs });

test("a process that runs is not enough: its node must be ALIVE, and a wait that ends says what it was instead", async () => {
  gcs.nodes = [fakeNode("ray-cpu", { isHead: true, alive: false })];
  expect(await startNow()).toMatchObject({
    ok: false,
    error: { reason: "not-ready-in-time", missing: [{ node: "ray-cpu", why: "the GCS lists it as DEAD" }] },
  });
  expect(process.exitCode).toBe(null);
});

test("a node that runs and is ALIVE is up, though the GCS knew it before", async () => {
  gcs.nodes = [fakeNode("ray-cpu", { isHead: true })];
  expect(await startNow(20_000)).toEqual({ ok: true, value: [] });
});

test("a process that ends while ws waits is named at once, with its log", async () => {
  gcs.nodes = [];
  const starting = startNow(60_000);
  process.kill("SIGKILL");
  expect(await starting).toMatchObject({
    error: { reason: "node-ended", how: "its process is gone", log: join(folders().logs, "ray-cpu.log") },
  });
});

test("E2 E8 a service with other settings than config.yaml has now is replaced, and one that it does not name is stopped", async () => {
  gcs.nodes = [fakeNode("ray-cpu", { isHead: true })];
  const found = await driver.list();
  if (!found.ok) throw new Error("no list");
  const planned = async (changed: ReadonlyMap<string, string>, nodes = driver.settings.nodes) => {
    const asked = { ...driver, settings: { ...driver.settings, nodes } };
    return planCluster(asked, found.value, { changed, replaces: undefined });
  };
  const lost = {
    replace: "the jobs and tasks that run, and before Ray 2.57 the cluster's state, because it is the HEAD",
    stop: "the whole cluster's state and jobs, because it is the HEAD",
  };
  const step = (action: keyof typeof lost) => ({ service: "ray-cpu", action, lost: lost[action] });
  expect(await planned(new Map())).toMatchObject({
    value: { plan: [{ service: "ray-cpu", action: "keep" }], leaving: [] },
  });
  expect(await planned(new Map([["ray-cpu", "other settings"]]))).toMatchObject({
    value: { plan: [{ ...step("replace"), why: "other settings" }], leaving: ["ray-cpu"] },
  });
  expect(await planned(new Map(), [])).toMatchObject({
    value: { plan: [step("stop")], leaving: ["ray-cpu"] },
  });
  // Whose port it is would be asked otherwise.
  await gcs.stop();
  expect(await driver.survey(request)).toMatchObject({ value: { changed: new Map() } });
  record("another");
  expect(await driver.survey(request)).toMatchObject({
    value: { changed: new Map([["ray-cpu", expect.stringContaining("2026-01-02T03:04:05Z")]]) },
  });
});

test("what was started is taken down also when something throws, such as a state file that cannot be written", async () => {
  process.kill("SIGKILL");
  const { label, stateFile, temp } = folders();
  rmSync(stateFile);
  mkdirSync(`${stateFile}.new`);
  writeFileSync(join(state, "entrypoint.js"), "setTimeout(() => {}, 600_000);");
  await expect(startNow()).rejects.toThrow("EISDIR");
  expect(listProcesses().filter(({ cluster }) => cluster === label)).toEqual([]);
  expect(existsSync(temp)).toBe(false);
});
