import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Rig } from "../test/fixtures/rig.ts";
import { plainRow, type Row } from "./row.ts";

const WATCHED_MS = 30_000;
const SETTLE_MS = 3000;
const TICK_MS = 10;

/** What the supervising entrypoint of a HEAD costs while it watches: its own process and the guard's. */
export async function benchSupervisor(): Promise<Row[]> {
  const rig = await new Rig().open();
  try {
    await rig.health();
    const node = rig.node("ray-cpu");
    await node.says("ready → watching");
    const guard = guardOf(node.pid);
    const both = [node.pid, guard];
    await delay(SETTLE_MS);
    const before = sum(both, cpuMs);
    const began = performance.now();
    await delay(WATCHED_MS);
    const percent = ((sum(both, cpuMs) - before) / (performance.now() - began)) * 100;
    return [
      plainRow("supervisor while watching: the guard's memory", pssMb(guard), "MB PSS"),
      {
        ...plainRow("supervisor while watching: memory, guard included", sum(both, pssMb), "MB PSS"),
        aim: { value: "at most", than: 60 },
      },
      {
        ...plainRow(`supervisor while watching: ${WATCHED_MS / 1000} s`, percent, "% of a core"),
        aim: { value: "at most", than: 1 },
      },
    ];
  } finally {
    await rig.close();
  }
}

const sum = (pids: readonly number[], of: (pid: number) => number): number =>
  pids.reduce((total, pid) => total + of(pid), 0);

function guardOf(parent: number): number {
  const pid = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .find((name) => stat(name)[1] === String(parent) && read(name, "cmdline").includes("ray-guard"));
  if (pid === undefined) throw new Error("expected a guard beside Ray");
  return Number(pid);
}

/** User and system time (Linux), whose ticks are 10 ms. */
function cpuMs(pid: number): number {
  const fields = stat(pid);
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Shared pages count by the share: two processes of one program share its binary. */
const pssMb = (pid: number): number =>
  Number(/^Pss:\s+(\d+) kB/m.exec(read(pid, "smaps_rollup"))?.[1]) / 1024;

/** The fields of /proc/PID/stat after the name: state, parent, … */
const stat = (pid: number | string): string[] => read(pid, "stat").split(") ").at(-1)?.split(" ") ?? [];

function read(pid: number | string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
