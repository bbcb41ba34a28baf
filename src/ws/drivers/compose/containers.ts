import { realpathSync } from "node:fs";
import * as z from "zod";
import { err, ok, type Result } from "../../../common/result.ts";
import { PART_LABEL, type Part, PROJECT_LABEL } from "../../compose/names.ts";
import type { Settings } from "../../config/settings.ts";
import type { Engine, Refusal } from "./engine.ts";
import type { Project } from "./project.ts";

/** Both generations of compose write the name of the service here. */
const SERVICE_LABEL = "com.docker.compose.service";
/** Compose's hash of the service from which the container was made. If it differs, compose replaces the container. */
const HASH_LABEL = "com.docker.compose.config-hash";
const FOLDER_LABEL = "com.docker.compose.project.working_dir";

/** What we read of `docker inspect` (Docker Engine API 1.41 and later, ContainerInspect). */
const Inspected = z
  .object({
    Id: z.string(),
    Image: z.string(),
    Name: z.string(),
    RestartCount: z.number(),
    State: z.object({
      Status: z.string(),
      Running: z.boolean(),
      ExitCode: z.number(),
      OOMKilled: z.boolean(),
      Error: z.string(),
      StartedAt: z.string(),
      Pid: z.number(),
      Health: z.object({ Status: z.string() }).nullish(),
    }),
    Config: z.object({
      Hostname: z.string(),
      Labels: z.record(z.string(), z.string()),
      Env: z.array(z.string()).nullish(),
    }),
    NetworkSettings: z.object({
      Networks: z.record(z.string(), z.object({ IPAddress: z.string() })),
    }),
  })
  .transform(({ Id, Image, Name, RestartCount, State, Config, NetworkSettings }) => ({
    id: Id,
    imageId: Image,
    configHash: Config.Labels[HASH_LABEL],
    /** The folder of the config.yaml that it was started from. */
    folder: Config.Labels[FOLDER_LABEL],
    /** The GCS port of a node if it is the HEAD. */
    headPort: headPortIn(Config.Env ?? []),
    name: Name.replace(/^\//, ""),
    service: Config.Labels[SERVICE_LABEL] ?? "",
    part: Config.Labels[PART_LABEL],
    hostname: Config.Hostname,
    /** The engine's word: created, running, restarting, exited … */
    status: State.Status,
    running: State.Running && State.Status === "running",
    health: State.Health?.Status,
    exitCode: State.ExitCode,
    outOfMemory: State.OOMKilled,
    /** Why the engine could not start it; empty where it could. */
    error: State.Error,
    startedAt: State.StartedAt,
    pid: State.Pid,
    restarts: RestartCount,
    addresses: Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress),
  }));

function headPortIn(env: readonly string[]): number | undefined {
  const entry = env.find((each) => each.startsWith("RAY_HEAD_PORT="));
  return entry === undefined ? undefined : Number(entry.slice("RAY_HEAD_PORT=".length));
}

/** A container of this project, as the engine sees it. */
export type Container = z.infer<typeof Inspected>;

/**
 * True if the container was started from another folder's config.yaml. A container that was started by hand may not
 * have this label.
 */
export const isFromElsewhere = ({ folder }: Pick<Container, "folder">, configFolder: string): boolean =>
  folder !== undefined && realPath(folder) !== realPath(configFolder);

function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    // It may be gone, or on another machine.
    return folder;
  }
}

/** The options of `docker ps` and its kind for what carries the project's label. */
export const labelFilters = ({ projectName }: Pick<Settings, "projectName">, part?: Part): string[] => [
  ...["--filter", `label=${PROJECT_LABEL}=${projectName}`],
  ...(part === undefined ? [] : ["--filter", `label=${PART_LABEL}=${part}`]),
];

/** Every container that carries the project's label, whatever its state. */
export async function listContainers(
  { engine, settings }: Pick<Project, "engine" | "settings">,
  part?: Part,
): Promise<Result<Container[], Refusal>> {
  const words = ["ps", "--all", "--quiet", "--no-trunc", ...labelFilters(settings, part)];
  const listed = await engine.docker(words);
  if (!listed.ok) return listed;
  const ids = listed.value.split("\n").filter((line) => /^[0-9a-f]{64}$/.test(line));
  return ids.length === 0 ? ok([]) : inspect(engine, ids);
}

/** True if a container of the project is running. */
export async function isDockerRunning(
  docker: Engine["docker"],
  settings: Pick<Settings, "projectName">,
): Promise<boolean> {
  const listed = await docker(["ps", "--quiet", ...labelFilters(settings)]);
  return listed.ok && listed.value.trim() !== "";
}

async function inspect(engine: Engine, ids: readonly string[]): Promise<Result<Container[], Refusal>> {
  const inspected = await engine.docker(["inspect", "--type", "container", ...ids]);
  // If a container went away between the two commands, the engine reports an error but lists the others.
  const text = inspected.ok ? inspected.value : (inspected.error.stdout ?? "");
  const parsed = z.array(Inspected).safeParse(parseJson(text));
  if (parsed.success) return ok(parsed.data);
  if (!inspected.ok) return inspected;
  const lines = [`its answer has an unknown form: ${parsed.error.message}`];
  return err({ command: "docker inspect", lines });
}

/** The output of a docker command; undefined if it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
