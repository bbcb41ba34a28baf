import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { readSettings } from "../../src/ws/config/settings.ts";
import { foldersOf, readMachine } from "../../src/ws/drivers/local/machine.ts";
import { planPart } from "../../src/ws/drivers/local/plan.ts";
import { listProcesses, readState } from "../../src/ws/drivers/local/processes.ts";
import { findTakenPorts } from "../../src/ws/drivers/local/taken-ports.ts";
import { EmbeddedWs } from "../fixtures/cluster/embedded-ws.ts";
import { until } from "../fixtures/until.ts";

const cluster = new EmbeddedWs();

function plannedCluster() {
  const read = readSettings(readFileSync(cluster.config, "utf8"));
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  const { settings } = read.value;
  const dist = resolve(import.meta.dirname, "../../dist");
  const { state, binDir } = cluster;
  const folders = foldersOf(state);
  const machine = readMachine(settings, folders, { binDir, dist, configFolder: "." });
  const plans = planPart(settings, { part: "main", head: settings.test.target }, machine);
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
    listProcesses().filter(
      ({ pid, cluster: label, session }) =>
        label === folders.label || sessions.has(session) || cwdOf(pid).startsWith(cluster.folder),
    );

  const up = cluster.start(["up"]);
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
  up.signal("SIGKILL");
  for (const pid of [...victims.map((each) => each.pid), ...guards]) process.kill(pid, "SIGKILL");
  expect(ofCluster().length).toBeGreaterThan(0);

  const down = await cluster.ws(["down"]);
  expect(down.code, down.text).toBe(0);
  expect(ofCluster().map(({ pid, command }) => `${pid} ${command.slice(0, 100)}`)).toEqual([]);
  expect(await findTakenPorts(ports)).toEqual([]);
  expect(existsSync(folders.temp)).toBe(false);
});
