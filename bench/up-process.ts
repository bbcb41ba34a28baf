import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { openGcs } from "../src/gcs/client.ts";
import { RAY_IMAGE, withImages } from "../test/fixtures/docker/ray-images.ts";
import { until } from "../test/fixtures/until.ts";
import { median } from "./row.ts";

const root = resolve(import.meta.dirname, "..");
const NAME = "ray-entrypoint-bench";
const HEAD_PORT = 6379;
const LONGEST_MS = 180_000;
const ROUNDS = 3;

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
      const nodes = await gcs.nodes(1000);
      return nodes.ok && nodes.value.filter(({ alive }) => alive).length >= count;
    },
    LONGEST_MS,
  );
  gcs.close();
}

/** What the engine has to do for a service's container, as options of `docker run`. */
interface Service {
  readonly image: string;
  readonly ports: readonly string[];
  readonly cpus?: number;
  readonly mem_limit?: string;
  readonly shm_size?: string;
}

const run = (name: string, { image, ports, cpus, mem_limit, shm_size }: Service, words: readonly string[]) =>
  docker(
    ...["run", "-d", "--init", "--name", `${NAME}-${name}`, "--hostname", name, "--network", NAME],
    ...ports.flatMap((port) => ["-p", port]),
    ...(cpus === undefined ? [] : ["--cpus", String(cpus)]),
    ...(mem_limit === undefined ? [] : ["--memory", mem_limit]),
    ...(shm_size === undefined ? [] : ["--shm-size", shm_size]),
    image,
    ...words,
  );

/**
 * The containers of compose.yaml one after the other, each as one would type it: the engine's start of it, published ports
 * included, and in it Ray's own.
 */
async function byHand(services: Readonly<Record<string, Service>>): Promise<number> {
  const { health, "ray-cpu": cpu, "ray-gpu": gpu } = services;
  if (health === undefined || cpu === undefined || gpu === undefined)
    throw new Error("expected three services");
  const ray = (name: string, service: Service, words: readonly string[]) =>
    run(name, { ...service, image: RAY_IMAGE }, ["ray", "start", "--block", "--num-cpus=4", ...words]);
  await docker("network", "create", "--subnet", "172.25.77.0/24", NAME);
  try {
    return await timed(async () => {
      await run("health", health, []);
      await ray("ray-cpu", cpu, ["--head", "--port=6379"]);
      await untilAlive(1);
      await ray("ray-gpu", gpu, ["--address=ray-cpu:6379"]);
      await untilAlive(2);
    });
  } finally {
    const names = ["health", "ray-cpu", "ray-gpu"].map((name) => `${NAME}-${name}`);
    await execa("docker", ["rm", "-f", ...names], { reject: false });
    await docker("network", "rm", NAME);
  }
}

/** A folder with a config.yaml in which `ws` is typed. */
function openProject() {
  const folder = mkdtempSync(join(tmpdir(), "bench-up-"));
  const config = join(folder, "config.yaml");
  const host = process.env.HOST_IP === undefined ? {} : { host: { ip_address: process.env.HOST_IP } };
  writeFileSync(config, stringify(withImages(host)));
  const ours = ["--runtime", "docker", "-c", config, "--state", join(folder, "state")];
  const ws = (...words: string[]) =>
    execa(process.execPath, [join(root, "dist/ws.js"), ...ours, ...words], { cwd: folder });
  const services = (): Readonly<Record<string, Service>> =>
    parse(readFileSync(join(folder, "compose.yaml"), "utf8")).services;
  return { ws, services, close: () => rmSync(folder, { recursive: true, force: true }) };
}

/** `ws up` from nothing but built images to every node ALIVE. */
async function byWs({ ws }: ReturnType<typeof openProject>): Promise<number> {
  try {
    return await timed(() => ws("up"));
  } finally {
    await ws("down", "-v");
  }
}

/** Both by turns, so that what else the machine does falls on either. */
async function measure(): Promise<{ hand: number; ws: number }> {
  const project = openProject();
  const [hand, ws]: [number[], number[]] = [[], []];
  try {
    await project.ws("up", "--build");
    await project.ws("down", "-v");
    for (let round = 0; round < ROUNDS; round++) {
      hand.push(await byHand(project.services()));
      ws.push(await byWs(project));
    }
  } finally {
    await project.ws("down", "-v");
    project.close();
  }
  return { hand: median(hand), ws: median(ws) };
}

console.log(JSON.stringify(await measure()));
