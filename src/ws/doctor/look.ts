import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { execa } from "execa";
import { err, ok, type Result } from "../../common/result.ts";
import { networksOf, readHostFacts, readRoutes } from "../compose/read-host.ts";
import { blockedBy } from "../drivers/compose/conflicts.ts";
import { dockerRunner, engineHost, findCompose, findEngine, isRemote } from "../drivers/compose/engine.ts";
import { lookAround } from "../drivers/compose/neighbours.ts";
import { hostPlanOf, type Project } from "../drivers/compose/project.ts";
import { pythonEnvironment } from "../drivers/local/pip.ts";
import type { DockerFacts, MachineFacts } from "./facts.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Looks at this machine; changes nothing. */
export async function lookAtMachine(env: Environment, stateDir: string): Promise<MachineFacts> {
  const docker = dockerRunner(env);
  const [answer, host, compose, python] = await Promise.all([
    findEngine(env),
    engineHost(docker, env),
    findCompose(env),
    findPython(env.WS_PYTHON ?? "python3", pythonEnvironment(env)),
  ]);
  const elsewhere = isRemote({ host }) ? host : undefined;
  const engine = answer.ok ? ok({ ...answer.value, elsewhere }) : answer;
  const dockerRoot = await docker(["info", "--format", "{{.DockerRootDir}}"]);
  const folders = [
    nearestFolder(stateDir),
    ...(engine.ok && elsewhere === undefined && dockerRoot.ok ? [dockerRoot.value.trim()] : []),
  ];
  return {
    node: process.version,
    python,
    engine,
    compose,
    host: readHostFacts(),
    addresses: Object.values(networkInterfaces()).flatMap((list) =>
      (list ?? []).filter(({ family }) => family === "IPv4").map(({ address }) => address),
    ),
    routes: networksOf(readRoutes()),
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

/** Looks at the engine; changes nothing. `running`: the cluster's own containers hold the ports. */
export async function lookAtDocker(cluster: Project, running: boolean): Promise<DockerFacts> {
  const [around, missingImages, gpuToolkit] = await Promise.all([
    lookAround(cluster.engine),
    imagesMissing(cluster),
    hasGpuToolkit(cluster),
  ]);
  const plan = hostPlanOf(cluster);
  const blocked =
    plan.ok && around.ok && !running ? blockedBy(cluster, plan.value, "main", around.value) : [];
  const networks = around.ok
    ? ok(around.value.networks.filter(({ project }) => project !== cluster.settings.projectName))
    : around;
  // Networks are checked separately, with both subnets.
  const ports = blocked.filter(({ where }) => where !== "network.subnet");
  return { networks, missingImages, gpuToolkit, ports };
}

/** The engine looks for the hook on its PATH, whether or not `nvidia-ctk` has made a runtime of it (Docker 20.10 to 28). */
const GPU_HOOKS = ["/usr/bin", "/usr/local/bin", "/usr/local/nvidia/toolkit"].flatMap((folder) =>
  ["nvidia-container-runtime-hook", "nvidia-container-toolkit"].map((file) => `${folder}/${file}`),
);

async function hasGpuToolkit({ engine }: Project): Promise<boolean> {
  const runtimes = await engine.docker(["info", "--format", "{{json .Runtimes}}"]);
  const known = runtimes.ok && /"nvidia"/.test(runtimes.value);
  return known || GPU_HOOKS.some((file) => existsSync(file));
}

async function imagesMissing({ engine, settings }: Project): Promise<string[]> {
  const images = [...new Set(settings.nodes.map(({ image }) => image))];
  const there = await Promise.all(
    images.map((image) => engine.docker(["image", "inspect", "--format", "x", image])),
  );
  return images.filter((_, i) => there[i]?.ok === false);
}
