import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import type { Environment } from "../../common/environment.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { gcsOf, healthView, statusOf } from "../cluster/snapshot.ts";
import { networksOf, readHostFacts, readRoutes } from "../compose/read-host.ts";
import { planHere } from "../compose/write-files.ts";
import { HEALTH_NAME, type Settings, TEST_CLIENT_NAME } from "../config/settings.ts";
import { blockedBy } from "../drivers/compose/conflicts.ts";
import { type Engine, isRemote } from "../drivers/compose/engine.ts";
import { lastWord, lookAround } from "../drivers/compose/neighbours.ts";
import type { Project } from "../drivers/compose/project.ts";
import { findCompose, findEngine, readInfo } from "../drivers/compose/tools.ts";
import type { Driver } from "../drivers/driver.ts";
import { pythonEnvironment } from "../drivers/local/venv.ts";
import { runProgram } from "../drivers/run-program.ts";
import type { Service } from "../drivers/service.ts";

/** What `ws doctor` saw; it changes nothing. An error says why something could not be seen. */
export interface DoctorFacts {
  readonly settings: Settings;
  readonly machine: MachineFacts;
  /** Undefined where no engine answers. */
  readonly docker: DockerFacts | undefined;
  readonly cluster: ClusterFacts;
}
export type MachineFacts = Awaited<ReturnType<typeof lookAtMachine>>;
export type DockerFacts = Awaited<ReturnType<typeof lookAtDocker>>;
export type ClusterFacts = Awaited<ReturnType<typeof lookAtCluster>>;

/** Looks at this machine. */
export async function lookAtMachine(
  env: Environment,
  stateDir: string,
  { docker, host }: Pick<Engine, "docker" | "host">,
) {
  const [engine, compose, python, info] = await Promise.all([
    findEngine(env),
    findCompose(env),
    findPython(env.WS_PYTHON ?? "python3", pythonEnvironment(env)),
    readInfo(docker),
  ]);
  const root = info?.DockerRootDir ?? "";
  /** The host of the engine; undefined if containers run on this machine. */
  const elsewhere = isRemote({ host }) ? host : undefined;
  const folders = [nearestFolder(stateDir)];
  if (engine.ok && elsewhere === undefined && root !== "") folders.push(root);
  const gpuToolkit = hasGpuToolkit(info?.Runtimes ?? {});
  return {
    /** Version of the Node that runs `ws`. */
    node: process.version,
    /** Version of the Python that the embedded runtime would use, if it can make virtual environments. */
    python,
    engine: engine.ok ? ok({ ...engine.value, elsewhere, gpuToolkit }) : engine,
    compose,
    host: readHostFacts(),
    /** Every IPv4 address that is this machine's. */
    addresses: Object.values(networkInterfaces()).flatMap((list) =>
      (list ?? []).filter(({ family }) => family === "IPv4").map(({ address }) => address),
    ),
    /** Networks that this machine reaches without its default route, those of container engines left out. */
    routes: networksOf(readRoutes()),
    sharedMemoryBytes: (await freeIn("/dev/shm"))[0]?.freeBytes ?? 0,
    disks: (await Promise.all(folders.map(freeIn))).flat(),
  };
}

async function findPython(program: string, env: Environment): Promise<Result<string, string>> {
  const version = await runProgram([program, "--version"], { env });
  if (!version.ok) return err(`${program} does not run: ${version.stderr.at(-1)}`);
  const venv = await runProgram([program, "-c", "import ensurepip, venv"], { env });
  return venv.ok ? ok(version.all) : err(`${version.all} cannot make virtual environments`);
}

const nearestFolder = (folder: string): string =>
  existsSync(folder) || folder === dirname(folder) ? folder : nearestFolder(dirname(folder));

/** Nothing of a folder that is closed to us, as the engine's may be. */
export const freeIn = (folder: string) =>
  statfs(folder).then(
    ({ bavail, bsize }) => [{ folder, freeBytes: bavail * bsize }],
    () => [],
  );

/** Whether the engine can give an NVIDIA GPU to a container. `runtimes`: as `docker info` lists them. */
export const hasGpuToolkit = (runtimes: object): boolean =>
  Object.hasOwn(runtimes, "nvidia") || GPU_HOOKS.some((file) => existsSync(file));

/** The engine looks for the hook on its PATH, whether or not `nvidia-ctk` has made a runtime of it (Docker 20.10 to 28). */
const GPU_HOOKS = ["/usr/bin", "/usr/local/bin", "/usr/local/nvidia/toolkit"].flatMap((folder) =>
  ["nvidia-container-runtime-hook", "nvidia-container-toolkit"].map((file) => `${folder}/${file}`),
);

/** Looks at the engine. `running`: the cluster's own containers hold the ports. */
export async function lookAtDocker(cluster: Project, running: boolean) {
  const { engine, settings } = cluster;
  const images = [...new Set(settings.nodes.map(({ base }) => base.image))];
  const [around, ...there] = await Promise.all([
    lookAround(engine),
    ...images.map((image) => engine.docker(["image", "inspect", "--format", "x", image])),
  ]);
  const plan = planHere(settings, cluster);
  const blocked =
    plan.ok && around.ok && !running ? blockedBy(cluster, plan.value, "main", around.value) : [];
  return {
    /** The engine's networks that are not ours. */
    networks: around.ok
      ? ok(around.value.filter(({ kind, project }) => kind === "network" && project !== settings.projectName))
      : around,
    /** Images that config.yaml names and the engine does not have. */
    missingImages: images.filter((_, i) => there[i]?.ok === false),
    /** Ports that we publish and that something else listens on; empty while the cluster runs. */
    // Networks are checked separately, with both subnets.
    ports: blocked.filter(({ where }) => where !== "network.subnet"),
  };
}

/** Looks at what exists of this cluster, and asks its GCS. */
export async function lookAtCluster(driver: Driver) {
  const found = await driver.list();
  const listed = found.ok ? found.value : [];
  const [{ heads, noHead, view }, health, services] = await Promise.all([
    gcsOf(driver, listed),
    healthView(driver),
    Promise.all(listed.map((service) => lookAtService(driver, service))),
  ]);
  return {
    runtime: driver.name,
    noun: driver.noun,
    /** Its containers or processes. */
    services: found.ok
      ? ok(services)
      : err(found.error.reason === "engine-refused" ? lastWord(found.error) : found.error.reason),
    /** Every GCS of this cluster that answers, or why none does. */
    heads,
    noHead,
    nodes: view?.nodes ?? [],
    /** What each node told the health service of itself, also one that this ws did not start. */
    reported: new Map(health?.nodes?.map((node) => [node.name, node])),
  };
}

async function lookAtService(driver: Driver, service: Service) {
  const { name, hostname, status, running, ref, startedAtMs, other } = service;
  const isNode = !other && name !== HEALTH_NAME && name !== TEST_CLIENT_NAME;
  return {
    ...{ name, hostname, status, running },
    /** Ray lists it, and it says how it fares. */
    isNode,
    /** What it wrote in its present or last run. */
    log: (await driver.log(ref, { since: new Date(startedAtMs) })).join("\n"),
    /** What a node says of itself. */
    nodeStatus: isNode ? await statusOf(driver, name, { ref, startedAtMs }) : undefined,
  };
}
