import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { execa } from "execa";
import { err, ok, type Result } from "../../common/result.ts";
import { findHeads, viewCluster } from "../cluster-view.ts";
import { readHostFacts, readRoutes } from "../compose/read-host.ts";
import { blockedBy } from "../runtimes/docker/blocked.ts";
import { type DockerCluster, hostPlanOf } from "../runtimes/docker/cluster.ts";
import { type Container, listContainers } from "../runtimes/docker/containers.ts";
import { dockerRunner, engineVersion, findCompose } from "../runtimes/docker/engine.ts";
import { wholeLog } from "../runtimes/docker/logs.ts";
import { lookAround } from "../runtimes/docker/neighbours.ts";
import type { DockerFacts, MachineFacts } from "./facts.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Looks at this machine; changes nothing. */
export async function lookAtMachine(env: Environment, stateDir: string): Promise<MachineFacts> {
  const docker = dockerRunner(env);
  const [engine, compose, python] = await Promise.all([
    engineVersion(docker),
    findCompose(env),
    findPython(env.WS_PYTHON ?? "python3", env),
  ]);
  const dockerRoot = await docker(["info", "--format", "{{.DockerRootDir}}"]);
  const folders = [nearestFolder(stateDir), ...(engine.ok && dockerRoot.ok ? [dockerRoot.value.trim()] : [])];
  return {
    node: process.version,
    python,
    engine,
    compose,
    host: readHostFacts(),
    addresses: Object.values(networkInterfaces()).flatMap((list) =>
      (list ?? []).filter(({ family }) => family === "IPv4").map(({ address }) => address),
    ),
    routes: readRoutes(),
    sharedMemoryBytes: (await freeBytes("/dev/shm")) ?? 0,
    disks: (await Promise.all(folders.map(disk))).flat(),
  };
}

async function findPython(program: string, env: Environment): Promise<Result<string, string>> {
  const options = { reject: false, extendEnv: false, env, all: true } as const;
  const version = await execa(program, ["--version"], options);
  if (version.failed) return err(`${program} does not run: ${version.shortMessage}`);
  const venv = await execa(program, ["-c", "import ensurepip, venv"], options);
  return venv.failed ? err(`${version.all} cannot make virtual environments`) : ok(version.all);
}

const nearestFolder = (folder: string): string =>
  existsSync(folder) || folder === dirname(folder) ? folder : nearestFolder(dirname(folder));

/** The engine's folder may be on another machine, or closed to us. */
async function disk(folder: string): Promise<MachineFacts["disks"]> {
  const free = await freeBytes(folder);
  return free === undefined ? [] : [{ folder, freeBytes: free }];
}

async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** Looks at the engine and at this project's containers; changes nothing. */
export async function lookAtDocker(cluster: DockerCluster): Promise<DockerFacts> {
  const found = await listContainers(cluster);
  const containers = found.ok ? found.value : [];
  const [around, missingImages, gpuToolkit, heads, view, services] = await Promise.all([
    lookAround(cluster.engine),
    imagesMissing(cluster),
    hasGpuToolkit(cluster),
    findHeads(cluster),
    viewCluster(cluster),
    Promise.all(containers.map((container) => serviceFacts(cluster, container))),
  ]);
  const plan = hostPlanOf(cluster);
  const running = containers.some((each) => each.running);
  const blocked = plan.ok && !running ? blockedBy(cluster, plan.value, "main", around) : [];
  const networks = around.networks.filter(({ project }) => project !== cluster.projectName);
  // Networks are judged by themselves, with both subnets.
  const ports = blocked.filter(({ where }) => where !== "network.subnet");
  return { networks, ports, missingImages, gpuToolkit, services, heads, nodes: view?.nodes ?? [] };
}

async function serviceFacts({ engine }: DockerCluster, container: Container) {
  const { service, hostname, status, running, id } = container;
  return { service, hostname, status, running, log: await wholeLog(engine, id) };
}

/** The engine looks for the hook on its PATH, whether or not `nvidia-ctk` has made a runtime of it (Docker 20.10 to 28). */
const GPU_HOOKS = ["/usr/bin", "/usr/local/bin", "/usr/local/nvidia/toolkit"].flatMap((folder) =>
  ["nvidia-container-runtime-hook", "nvidia-container-toolkit"].map((file) => `${folder}/${file}`),
);

async function hasGpuToolkit({ engine }: DockerCluster): Promise<boolean> {
  const runtimes = await engine.docker(["info", "--format", "{{json .Runtimes}}"]);
  const known = runtimes.ok && /"nvidia"/.test(runtimes.value);
  return known || GPU_HOOKS.some((file) => existsSync(file));
}

async function imagesMissing({ engine, settings }: DockerCluster): Promise<string[]> {
  const images = [...new Set(settings.nodes.map(({ image }) => image))];
  const there = await Promise.all(
    images.map((image) => engine.docker(["image", "inspect", "--format", "x", image])),
  );
  return images.filter((_, i) => there[i]?.ok === false);
}
