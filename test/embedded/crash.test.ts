import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { localFolders } from "../../src/ws/drivers/local/driver.ts";
import { findTakenPorts } from "../../src/ws/drivers/local/free-ports.ts";
import { readMachine } from "../../src/ws/drivers/local/machine.ts";
import { planHealth, planNode } from "../../src/ws/drivers/local/plan.ts";
import { listProcesses } from "../../src/ws/drivers/local/processes.ts";
import { readState } from "../../src/ws/drivers/local/state.ts";
import { readSettings } from "../../src/ws/settings.ts";
import { freePorts } from "../fixtures/cluster/free-ports.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";
import { until } from "../fixtures/until.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "rep-crash-"));
const stateDir = join(folder, "state");
let binDir: string;
let text: string;

beforeAll(async () => {
  execFileSync("sh", ["scripts/setup.sh"], { cwd: root, stdio: "inherit" });
  binDir = await realRay();
  const first = await freePorts(8);
  const ports = (from: number) => ({ head_port: from, dashboard_port: from + 1, client_port: from + 2 });
  text = stringify({
    network: { subnet: "172.46.0.0/16" },
    cluster_test: { test_network_subnet: "172.47.0.0/24" },
    services: { health: { port: first + 6 }, ray: { cpu: ports(first), gpu: ports(first + 3) } },
  });
  writeFileSync(join(folder, "config.yaml"), text);
});

afterAll(async () => {
  await once(ws("down", "-v"), "exit");
  rmSync(folder, { recursive: true, force: true });
});

function ws(...words: string[]): ChildProcess {
  const args = ["--runtime", "embedded", "-c", join(folder, "config.yaml"), "--state", stateDir, ...words];
  const env = { ...process.env, WS_VENV_DIR: resolve(binDir, "../..") };
  return spawn(process.execPath, [join(root, "dist/ws.js"), ...args], { env, stdio: "ignore" });
}

function plannedCluster() {
  const read = readSettings(text);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  const { settings } = read.value;
  const dist = join(root, "dist");
  const folders = localFolders({ stateDir, venvDir: resolve(binDir, "../..") });
  const machine = readMachine(settings, folders, { binDir, dist });
  const plans = [
    planHealth(settings, machine),
    ...settings.nodes.map((each) => planNode(settings, each, machine)),
  ];
  return { folders, ports: plans.flatMap((plan) => plan.ports) };
}

const cwdOf = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
};

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);

const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, "utf8");

test("ws is killed in the middle of up, then a HEAD's entrypoint and the health service: down leaves nothing of them", async () => {
  const { folders, ports } = plannedCluster();
  const sessions = new Set<number>();
  /** By label, by session and by working folder: what one of them misses another finds. */
  const ofCluster = () =>
    listProcesses(folders.label).filter(
      ({ pid, service, session }) =>
        service !== undefined || sessions.has(session) || cwdOf(pid).startsWith(folder),
    );

  const up = ws("up");
  await until(
    "the HEAD's GCS to run",
    () => ofCluster().some(({ command }) => /gcs_server/.test(command)),
    60_000,
  );
  const started = readState(folders.stateFile);
  for (const { pid } of started) sessions.add(pid);
  const victims = started.filter(({ name }) => name === "ray-cpu" || name === "health");
  expect(victims).toHaveLength(2);
  // The guards would clean up behind their entrypoints; here nobody is left to do it but ws down.
  const guards = victims
    .flatMap(({ pid }) => childrenOf(pid))
    .filter((pid) => commandOf(pid).startsWith("/bin/bash"));
  expect(guards.length).toBeGreaterThan(0);
  for (const pid of guards) process.kill(pid, "SIGSTOP");
  up.kill("SIGKILL");
  for (const pid of [...victims.map((each) => each.pid), ...guards]) process.kill(pid, "SIGKILL");
  expect(ofCluster().length).toBeGreaterThan(0);

  const [code] = await once(ws("down"), "exit");
  expect(code).toBe(0);
  expect(ofCluster().map(({ pid, command }) => `${pid} ${command.slice(0, 100)}`)).toEqual([]);
  expect(await findTakenPorts(ports)).toEqual([]);
  expect(existsSync(folders.temp)).toBe(false);
});
