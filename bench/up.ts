import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { openGcs } from "../src/common/gcs/client.ts";
import { until } from "../test/fixtures/until.ts";
import { plainRow, type Row } from "./row.ts";

const root = resolve(import.meta.dirname, "..");
const BASE = "rayproject/ray:latest";
const NAME = "ray-entrypoint-bench";
const HEAD_PORT = 26379;
const LONGEST_MS = 180_000;

const docker = (...words: string[]) => execa("docker", words);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

/** Waits until the GCS at the published port lists that many nodes as ALIVE. */
async function untilAlive(count: number): Promise<void> {
  const gcs = openGcs({ host: process.env.HOST_IP ?? "127.0.0.1", port: HEAD_PORT }, { token: null });
  await until(
    `${count} nodes ALIVE`,
    async () => {
      const nodes = await gcs.nodes({ aliveOnly: true }, 1000);
      return nodes.ok && nodes.value.length >= count;
    },
    LONGEST_MS,
  );
  gcs.close();
}

const ray = (name: string, options: readonly string[], words: readonly string[]) =>
  docker(
    "run",
    "-d",
    "--name",
    `${NAME}-${name}`,
    "--hostname",
    name,
    "--network",
    NAME,
    "--shm-size",
    "2g",
    ...options,
    BASE,
    "ray",
    "start",
    "--block",
    ...words,
  );

/** HEAD, then WORKER, each as one would type it: the engine's start of a container and Ray's own start in it. */
async function byHand(): Promise<number> {
  await docker("network", "create", "--subnet", "172.25.77.0/24", NAME);
  try {
    return await timed(async () => {
      await docker("run", "--rm", BASE, "true");
      await ray("head", ["-p", `${HEAD_PORT}:6379`], ["--head", "--port=6379", "--num-cpus=4"]);
      await untilAlive(1);
      await ray("worker", [], ["--address=head:6379", "--num-cpus=4"]);
      await untilAlive(2);
    });
  } finally {
    await execa("docker", ["rm", "-f", `${NAME}-head`, `${NAME}-worker`], { reject: false });
    await docker("network", "rm", NAME);
  }
}

/** `ws up` from nothing but built images to every node ALIVE. */
async function byWs(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "bench-up-"));
  const host = process.env.HOST_IP === undefined ? {} : { host: { ip_address: process.env.HOST_IP } };
  writeFileSync(join(folder, "config.yaml"), stringify(host));
  const words = [
    join(root, "dist/ws.js"),
    "--runtime",
    "docker",
    "-c",
    join(folder, "config.yaml"),
    "--state",
    join(folder, "state"),
  ];
  const ws = (...more: string[]) => execa(process.execPath, [...words, ...more], { cwd: folder });
  try {
    await ws("up", "--build");
    await ws("down", "-v");
    return await timed(() => ws("up"));
  } finally {
    await ws("down", "-v");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `ws up` on Docker against the same two containers started by hand; nothing where no engine answers. */
export async function benchUp(): Promise<Row[]> {
  const engine = await execa("docker", ["info"], { reject: false });
  if (engine.exitCode !== 0) {
    console.error("→ Left out: ws up on Docker, since no engine answers");
    return [];
  }
  const hand = await byHand();
  const ws = await byWs();
  return [
    plainRow("by hand: engine's start of three containers, Ray's start of HEAD and WORKER", hand, "s"),
    {
      name: "ws up on Docker: 2 nodes ALIVE",
      value: ws,
      unit: "s",
      ratio: ws / hand,
      aim: { ratio: "at most", than: 1.2 },
    },
  ];
}
