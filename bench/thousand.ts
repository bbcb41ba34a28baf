import { readFileSync } from "node:fs";
import { HealthServiceProcess } from "../test/fixtures/health-service-process.ts";
import { decideAtOnce } from "../test/fixtures/many-entrypoints.ts";
import { renewBesideReaders } from "../test/fixtures/readers.ts";
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

/** Renewals beside nodes that report and pages that are open: 100 and 10 must do, 1,000 and 50 are told. */
export async function benchReaders(crowds = [MUST, MANY]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { aims, ...crowd } of crowds) {
    const server = await (await HealthServiceProcess.launch()).listening();
    try {
      const took = await renewBesideReaders(`http://127.0.0.1:${server.port}`, crowd);
      const who = `${crowd.nodes} nodes report, ${crowd.pages} pages are open`;
      const p99 = took[Math.floor(took.length * 0.99)] ?? Number.POSITIVE_INFINITY;
      const aim = (than: number) => (aims ? ({ value: "at most", than } as const) : null);
      const peak = memoryMb(server, "VmHWM");
      rows.push(
        { name: `${who}: a renewal, 99th percentile`, value: p99, unit: "ms", ratio: null, aim: aim(100) },
        { name: `${who}: the service's peak`, value: peak, unit: "MB", ratio: null, aim: aim(250) },
      );
    } finally {
      await server.remove();
    }
  }
  return rows;
}

export const MUST = { nodes: 100, pages: 10, forMs: 10_000, aims: true };
const MANY = { nodes: COUNT, pages: 50, forMs: 10_000, aims: false };

/** A line of /proc/PID/status (Linux). */
function memoryMb({ pid }: HealthServiceProcess, line: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${line}:\\s*(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
}
