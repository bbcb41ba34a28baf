import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openGcs } from "../src/gcs/client.ts";
import { freePorts } from "../test/fixtures/cluster/free-ports.ts";
import { killAll, TAG, taggedProcesses } from "../test/fixtures/cluster/tagged.ts";
import { until } from "../test/fixtures/until.ts";

const WORKER_PORTS = 40;
const BOOT_MS = 180_000;
const LIMIT_MS = 90_000;

/** `ray start --block` on two nodes without any supervisor; its HEAD is killed and started again at the same address. */
export async function rayAlone(binDir: string): Promise<{ bootS: number; noticedS: number; gone: boolean }> {
  const folder = mkdtempSync(join(tmpdir(), "rep-"));
  const tag = `bench-${process.pid}`;
  const port = await freePorts(3 + 2 * WORKER_PORTS);
  let starts = 0;
  // A folder of its own each time: a HEAD that finds its old address there, and a raylet that still names it, refuses to start.
  const start = (host: string, first: number, words: readonly string[]) =>
    spawn(
      join(binDir, "ray"),
      [
        "start",
        "--block",
        `--node-ip-address=${host}`,
        `--min-worker-port=${first}`,
        `--max-worker-port=${first + WORKER_PORTS - 1}`,
        `--temp-dir=${join(folder, String(++starts))}`,
        "--num-cpus=2",
        `--object-store-memory=${100 * 2 ** 20}`,
        "--disable-usage-stats",
        ...words,
      ],
      { stdio: "ignore", detached: true, env: { ...process.env, [TAG]: tag } },
    );
  const startHead = () =>
    start("127.39.0.3", port + 3, [
      "--head",
      `--port=${port}`,
      "--include-dashboard=false",
      `--dashboard-agent-listen-port=${port + 1}`,
    ]);
  const gcs = openGcs({ host: "127.39.0.3", port }, { token: null });
  const clusterId = async () => {
    const id = await gcs.clusterId(1000);
    return id.ok ? id.value : null;
  };
  const listed = async () => {
    const nodes = await gcs.nodes(1000);
    return nodes.ok ? nodes.value.filter(({ alive }) => alive).length : 0;
  };
  try {
    const started = performance.now();
    const head = startHead();
    const old = await until("Ray's own GCS", clusterId, BOOT_MS);
    await until("Ray's own HEAD", async () => (await listed()) === 1, BOOT_MS);
    const bootS = (performance.now() - started) / 1000;
    const worker = start("127.39.0.4", port + 3 + WORKER_PORTS, [
      `--address=127.39.0.3:${port}`,
      `--dashboard-agent-listen-port=${port + 2}`,
    ]);
    await until("two nodes of Ray's own", async () => (await listed()) === 2, BOOT_MS);
    head.kill("SIGKILL");
    await until("the end of the old GCS", async () => (await clusterId()) !== old, BOOT_MS);
    startHead();
    await until("the new GCS of Ray's own", async () => ((await clusterId()) ?? old) !== old, BOOT_MS);
    const began = performance.now();
    const gone = await until("the worker's end", () => worker.exitCode !== null, LIMIT_MS).catch(() => false);
    return { bootS, noticedS: (performance.now() - began) / 1000, gone };
  } finally {
    gcs.close();
    await killAll(() => taggedProcesses(tag));
    rmSync(folder, { recursive: true, force: true });
  }
}
