import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { renewInFlood } from "../test/fixtures/flood.ts";
import { freePort, HealthServiceProcess } from "../test/fixtures/health-service-process.ts";
import { type Load, load } from "./load.ts";
import { median, type Row } from "./row.ts";

const CONNECTIONS = 64;
const ROUNDS = 3;
const ROUND_MS = 3000;
const START_WITHIN_MS = 20_000;

/** What most people write when they need "a server that answers 200", with http.server as it comes: HTTP/1.0. */
const PYTHON = `
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")
    def log_message(self, *args):
        pass
class Server(ThreadingHTTPServer):
    request_queue_size = 128
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
`;

interface Measured extends Load {
  /** Processor time that the server took, in ms: hardly touched by what else the machine does. */
  readonly cpuMsPerThousand: number;
}

interface Round {
  readonly ours: Measured;
  readonly python: Measured;
}

interface Contender {
  readonly name: string;
  readonly start: (port: number) => ChildProcess;
}

const OURS: Contender = {
  name: "dist/health-server.js",
  start: (port) =>
    spawn(process.execPath, [new URL("../dist/health-server.js", import.meta.url).pathname], {
      env: { RAY_EP_HEALTH_HOST: "127.0.0.1", RAY_EP_HEALTH_PORT: String(port) },
      stdio: ["ignore", "ignore", "inherit"],
    }),
};

const PYTHONS: Contender = {
  name: "Python http.server",
  start: (port) => spawn("python3", ["-c", PYTHON, String(port)], { stdio: ["ignore", "ignore", "inherit"] }),
};

/** The health service against a Python one that answers 200, turn about in one run; the medians count. */
export async function benchHealth(): Promise<Row[]> {
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push({ ours: await measure(OURS), python: await measure(PYTHONS) });
  const mid = (pick: (round: Round) => number) => median(rounds.map(pick));
  const rate = {
    ours: mid((each) => each.ours.requestsPerSecond),
    python: mid((each) => each.python.requestsPerSecond),
  };
  const p99 = { ours: mid((each) => each.ours.p99Ms), python: mid((each) => each.python.p99Ms) };
  const cpu = {
    ours: mid((each) => each.ours.cpuMsPerThousand),
    python: mid((each) => each.python.cpuMsPerThousand),
  };
  const failed = rounds.reduce((sum, { ours }) => sum + ours.failed, 0);
  const at = `GET / at ${CONNECTIONS} connections`;
  return [
    { name: `${at}: ${PYTHONS.name}`, value: rate.python, unit: "requests/s", ratio: null, aim: null },
    {
      name: `${at}: ${OURS.name}`,
      value: rate.ours,
      unit: "requests/s",
      ratio: rate.ours / rate.python,
      aim: { ratio: "at least", than: 8 },
    },
    { name: `${at}, p99: ${PYTHONS.name}`, value: p99.python, unit: "ms", ratio: null, aim: null },
    {
      name: `${at}, p99: ${OURS.name}`,
      value: p99.ours,
      unit: "ms",
      ratio: p99.ours / p99.python,
      aim: { ratio: "at most", than: 1 },
    },
    {
      name: `${at}, processor time: ${PYTHONS.name}`,
      value: cpu.python,
      unit: "ms/1000",
      ratio: null,
      aim: null,
    },
    {
      name: `${at}, processor time: ${OURS.name}`,
      value: cpu.ours,
      unit: "ms/1000",
      ratio: cpu.ours / cpu.python,
      aim: null,
    },
    { name: `${at}: ${OURS.name}, requests that failed`, value: failed, unit: "", ratio: null, aim: null },
    ...(await benchFlood()),
  ];
}

async function benchFlood(): Promise<Row[]> {
  const server = await (await HealthServiceProcess.launch()).listening();
  try {
    const { p99Ms, failed, peakMb } = await renewInFlood(server);
    const row = (name: string, value: number, unit: string, than: number): Row => ({
      ...{ name: `renewals in a flood of strangers: ${name}`, value, unit, ratio: null },
      aim: { value: "at most", than },
    });
    return [
      row("p99", p99Ms, "ms", 100),
      row("that failed", failed, "", 0),
      row("peak of the service's memory", peakMb, "MB", 200),
    ];
  } finally {
    await server.remove();
  }
}

async function measure({ name, start }: Contender): Promise<Measured> {
  const port = await freePort();
  const child = start(port);
  const ended = once(child, "exit");
  try {
    await answers(name, port);
    const beforeMs = cpuMs(child);
    const result = await load(`http://127.0.0.1:${port}`, CONNECTIONS, ROUND_MS);
    const answered = (result.requestsPerSecond * ROUND_MS) / 1000;
    return { ...result, cpuMsPerThousand: ((cpuMs(child) - beforeMs) / answered) * 1000 };
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

/** User and system time from /proc/PID/stat (Linux), whose ticks are 10 ms. */
function cpuMs({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function answers(name: string, port: number): Promise<void> {
  const end = performance.now() + START_WITHIN_MS;
  for (;;) {
    try {
      await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
      return;
    } catch (error) {
      if (performance.now() > end)
        throw new Error(`${name} does not answer on port ${port}`, { cause: error });
      await delay(20);
    }
  }
}
