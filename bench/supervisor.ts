import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { readText } from "../src/common/files.ts";
import { pssMib } from "../test/faults/resources.ts";
import { Rig } from "../test/fixtures/rig.ts";
import { plainRow, type Row } from "./row.ts";

const WATCHED_MS = 30_000;
const SETTLE_MS = 3000;
/** The least that it costs to ask once a second whether something lives: one GET, its answer thrown away. */
const ONE_GET_A_SECOND = `
  const { get } = require("node:http");
  setInterval(() => get(process.argv[1], { agent: false }, (answer) => answer.resume()).on("error", () => {}), 1000);
`;

/**
 * What the supervising entrypoint of a HEAD costs while it watches: its own process and the guard's. A share of a core says as
 * much of the machine as of the program (the same bundle: 0.9 % and 2.9 % within an hour, and more when the machine was idler),
 * so it is compared with a program that runs beside it.
 */
export async function benchSupervisor(): Promise<Row[]> {
  const rig = await new Rig().open();
  try {
    await rig.health();
    const node = rig.node("ray-cpu");
    await node.says("ready → watching");
    const guard = guardOf(node.pid);
    const both = [node.pid, guard];
    using yardstick = spawn(process.execPath, ["-e", ONE_GET_A_SECOND, `http://${rig.healthHost}:8080/`]);
    const { pid: yardstickPid = 0 } = yardstick;
    await delay(SETTLE_MS);
    const before = [sum(both, cpuMs), cpuMs(yardstickPid)] as const;
    const began = performance.now();
    await delay(WATCHED_MS);
    const share = (ms: number) => (ms / (performance.now() - began)) * 100;
    const own = share(sum(both, cpuMs) - before[0]);
    const least = share(cpuMs(yardstickPid) - before[1]);
    return [
      plainRow("supervisor while watching: the guard's memory", pssMib(guard), "MB PSS"),
      {
        ...plainRow("supervisor while watching: memory, guard included", sum(both, pssMib), "MB PSS"),
        aim: { value: "at most", than: 60 },
      },
      plainRow("one GET a second", least, "% of a core"),
      {
        ...plainRow(`supervisor while watching: ${WATCHED_MS / 1000} s`, own, "% of a core", own / least),
        aim: { ratio: "at most", than: 3 },
      },
    ];
  } finally {
    await rig.close();
  }
}

const sum = (pids: readonly number[], of: (pid: number) => number): number =>
  pids.reduce((total, pid) => total + of(pid), 0);

function guardOf(parent: number): number {
  const children = read(parent, `task/${parent}/children`).split(" ");
  const pid = children.find((child) => read(child, "cmdline").includes("ray-guard"));
  if (pid === undefined) throw new Error("expected a guard beside Ray");
  return Number(pid);
}

/** What all its threads ran (Linux; /proc/PID/stat has ticks of 10 ms, which is too coarse here). */
const cpuMs = (pid: number): number =>
  sum(
    readdirSync(`/proc/${pid}/task`).map(Number),
    (task) => Number(read(pid, `task/${task}/schedstat`).split(" ")[0]) / 1e6,
  );

const read = (pid: number | string, file: string): string => readText(`/proc/${pid}/${file}`) ?? "";
