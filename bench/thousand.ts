import { readFileSync } from "node:fs";
import { HealthServiceProcess } from "../test/fixtures/health-service-process.ts";
import { decideAtOnce } from "../test/fixtures/many-entrypoints.ts";
import type { Row } from "./row.ts";

const COUNT = 1000;

/** A thousand entrypoints that start at once against one health service process; throws unless exactly one leads. */
export async function benchThousand(): Promise<Row[]> {
  const server = await (await HealthServiceProcess.launch()).listening();
  try {
    const idleMb = memoryMb(server, "VmRSS");
    const { heads, workers, others, tookMs } = await decideAtOnce(`http://127.0.0.1:${server.port}`, COUNT);
    if (heads.length !== 1 || workers !== COUNT - 1)
      throw new Error(
        `expected 1 HEAD and ${COUNT - 1} WORKERs, got ${heads.length}, ${workers}; ${others[0]}`,
      );
    const metrics = String((await server.call("GET", "/metrics")).body);
    if (!metrics.includes('ray_ep_lease_decisions_total{decision="grant"} 1\n'))
      throw new Error(`expected exactly one grant, got ${metrics}`);
    const peakMb = memoryMb(server, "VmHWM");
    const who = `${COUNT} entrypoints at once`;
    return [
      { name: `${who}: until all have decided`, value: tookMs / 1000, unit: "s", ratio: null, aim: null },
      { name: "health service's memory, idle", value: idleMb, unit: "MB", ratio: null, aim: null },
      { name: `${who}: its peak`, value: peakMb, unit: "MB", ratio: peakMb / idleMb, aim: null },
    ];
  } finally {
    await server.remove();
  }
}

/** A line of /proc/PID/status (Linux). */
function memoryMb({ pid }: HealthServiceProcess, line: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${line}:\\s*(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
}
