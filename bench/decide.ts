import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { freePort, HealthServiceProcess } from "../test/fixtures/health-service-process.ts";
import { mute } from "../test/fixtures/odd-servers.ts";
import type { OddServer } from "../test/fixtures/servers.ts";
import { median, plainRow, type Row } from "./row.ts";

const ROUNDS = 21;
const ROUNDS_SILENT = 3;
const SILENT = 5;
const DISCOVERY_TIMEOUT_MS = 2000;
/** docker/entrypoint.sh */
const V8_FLAGS = ["--min-semi-space-size=4"];
const AS_IN_THE_IMAGE = [...V8_FLAGS, "--require", "./compile-cache.cjs"];

/** Notes when it was spawned, in seconds since 1970 with microseconds, and ends. */
const FAKE_RAY = `#!/bin/bash
echo "$EPOCHREALTIME" > "$BENCH_SPAWNED"
`;

interface Stage {
  readonly folder: string;
  readonly healthUrl: string;
  readonly livingHead: string;
  readonly absentHead: string;
  readonly silent: readonly string[];
}

/** From the start of the process to `ray start` spawned, against `node -e 0`; turn about in one run, medians. */
export async function benchDecide(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-decide-"));
  const health = await (await HealthServiceProcess.launch()).listening();
  const gcs = spawn(
    process.execPath,
    [...process.execArgv, new URL("fake-gcs-process.ts", import.meta.url).pathname],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const mutes = await Promise.all(Array.from({ length: SILENT }, mute));
  try {
    const stage: Stage = {
      folder: furnish(folder),
      healthUrl: `http://127.0.0.1:${health.port}`,
      livingHead: `127.0.0.1:${await firstLine(gcs)}`,
      absentHead: `127.0.0.1:${await freePort()}`,
      silent: mutes.map(({ address }) => `${address.host}:${address.port}`),
    };
    return await measure(stage);
  } finally {
    await leave(gcs, health, mutes);
    rmSync(folder, { recursive: true });
  }
}

async function measure(stage: Stage): Promise<Row[]> {
  const own = `own=127.0.0.1:${await freePort()}`;
  const withHead = () => untilSpawned(stage, `head=${stage.livingHead} ${own}`, "worker");
  const bundleAlone = () => untilSpawned(stage, `head=${stage.livingHead} ${own}`, "worker", []);
  // First in the list: a later one lets an earlier one go first where a HEAD has just given the lease back.
  const withoutHead = () => untilSpawned(stage, `${own} head=${stage.absentHead}`, "head");
  const five = stage.silent.map((address, i) => `silent-${i}=${address}`).join(" ");
  const bare: number[] = [];
  const present: number[] = [];
  const alone: number[] = [];
  const absent: number[] = [];
  const silent: number[] = [];
  // The first of each fills the page cache.
  for (const each of [nodeAlone, withHead, withoutHead]) await each();
  for (let i = 0; i < ROUNDS; i++) {
    bare.push(await nodeAlone());
    present.push(await withHead());
    alone.push(await bundleAlone());
    absent.push(await withoutHead());
    if (i < ROUNDS_SILENT) silent.push(await untilSpawned(stage, `${own} ${five}`, "head"));
  }
  const yardstick = median(bare);
  const beyond = median(silent) - DISCOVERY_TIMEOUT_MS;
  return [
    plainRow("node -e 0", yardstick, "ms"),
    {
      ...plainRow(
        "start to `ray start`: a HEAD is there",
        median(present),
        "ms",
        median(present) / yardstick,
      ),
      aim: { ratio: "at most", than: 2.5 },
    },
    plainRow(
      "the same by the bundle alone, without V8's compile cache of the image",
      median(alone),
      "ms",
      median(alone) / yardstick,
    ),
    plainRow(
      "start to `ray start`: no HEAD, lease granted",
      median(absent),
      "ms",
      median(absent) / yardstick,
    ),
    plainRow(`start to \`ray start\`: ${SILENT} silent candidates`, median(silent), "ms"),
    plainRow(
      `… beyond one DISCOVERY_TIMEOUT of ${DISCOVERY_TIMEOUT_MS / 1000} s`,
      beyond,
      "ms",
      beyond / yardstick,
    ),
  ];
}

function furnish(folder: string): string {
  const ray = join(folder, "ray");
  writeFileSync(ray, FAKE_RAY);
  chmodSync(ray, 0o755);
  mkdirSync(join(folder, "tmp"));
  for (const file of ["dist/entrypoint.js", "docker/compile-cache.cjs"])
    copyFileSync(new URL(`../${file}`, import.meta.url), join(folder, basename(file)));
  // docker/compile.sh
  mkdirSync(join(folder, "cache"));
  execFileSync(process.execPath, [...V8_FLAGS, "compile-cache.cjs"], { cwd: folder });
  return folder;
}

async function nodeAlone(): Promise<number> {
  const began = now();
  await once(spawn(process.execPath, ["-e", "0"], { stdio: "ignore", env: {} }), "exit");
  return now() - began;
}

/** Milliseconds; throws when the entrypoint took another role than the one to be measured, or none. */
async function untilSpawned(
  { folder, healthUrl }: Stage,
  whitelist: string,
  role: "head" | "worker",
  nodeWords: readonly string[] = AS_IN_THE_IMAGE,
): Promise<number> {
  const note = join(folder, "spawned");
  rmSync(note, { force: true });
  const began = now();
  const child = spawn(process.execPath, [...nodeWords, "entrypoint.js"], {
    cwd: folder,
    env: {
      HEAD_WHITELIST: whitelist,
      HEALTH_URL: healthUrl,
      NODE_IP_ADDRESS: "127.0.0.1",
      DISCOVERY_TIMEOUT: String(DISCOVERY_TIMEOUT_MS / 1000),
      RAY_EP_NODE_NAME: "own",
      RAY_EP_USER: userInfo().username,
      RAY_EP_BIN_DIR: folder,
      RAY_EP_PIP_REQUIREMENTS: join(folder, "none"),
      RAY_TMPDIR: join(folder, "tmp"),
      BENCH_SPAWNED: note,
      PATH: "/usr/bin:/bin",
      HOME: folder,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await once(child, "close");
  if (!said.includes(`Mode: ${role}\n`)) throw new Error(`expected the role ${role}, got:\n${said}`);
  return Number(readFileSync(note, "utf8")) * 1000 - began;
}

/** Milliseconds since 1970, of the clock that the fake `ray` reads. */
const now = (): number => performance.timeOrigin + performance.now();

/** Throws when the process ends without one. */
async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error("expected a process whose output can be read");
  for await (const line of createInterface(stdout)) return line;
  throw new Error("the fake GCS ended before it served");
}

async function leave(
  gcs: ChildProcess,
  health: HealthServiceProcess,
  mutes: readonly OddServer[],
): Promise<void> {
  gcs.kill("SIGKILL");
  await health.remove();
  await Promise.all(mutes.map((each) => each.stop()));
}
