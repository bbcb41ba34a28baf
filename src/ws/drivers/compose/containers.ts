import { realpathSync } from "node:fs";
import * as z from "zod/mini";
import { attempt, err, ok, type Result } from "../../../common/result.ts";
import { OTHER, PART_LABEL, type Part, PROJECT_LABEL } from "../../compose/names.ts";
import type { Settings } from "../../config/settings.ts";
import type { Service } from "../service.ts";
import { type Engine, type Refusal, refusal } from "./engine.ts";
import type { Project } from "./project.ts";

/** Of both generations of compose; a container that was started by hand may have none. */
const SERVICE_LABEL = "com.docker.compose.service";
/** If the hash of a service differs, compose replaces the container. */
const HASH_LABEL = "com.docker.compose.config-hash";
const FOLDER_LABEL = "com.docker.compose.project.working_dir";

/** What we read of `docker inspect` (Docker Engine API 1.41 and later, ContainerInspect). */
const Inspected = z.object({
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
    Health: z.nullish(z.object({ Status: z.string() })),
  }),
  Config: z.object({
    Hostname: z.string(),
    Labels: z.record(z.string(), z.string()),
    Env: z.nullish(z.array(z.string())),
  }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.object({ IPAddress: z.string() })) }),
});

/** A container of this project, whatever its state, with what decides whether it stays. */
export interface Container extends Service {
  readonly imageId: string;
  readonly configHash: string | undefined;
}

/** A container as every driver describes a service. */
export function containerOf(
  inspected: z.infer<typeof Inspected>,
  { engine, configFolder }: Pick<Project, "engine" | "configFolder">,
): Container {
  const { Id, RestartCount, State, Config, NetworkSettings } = inspected;
  const { Status, ExitCode, Health } = State;
  const name = inspected.Name.replace(/^\//, "");
  const running = State.Running && Status === "running";
  const folder = Config.Labels[FOLDER_LABEL];
  const port = Config.Env?.find((each) => each.startsWith("RAY_HEAD_PORT="))?.split("=")[1];
  const how = Status === "exited" ? ` (${ExitCode})` : Health ? ` (${Health.Status})` : "";
  const again = RestartCount > 0 ? `, ${RestartCount} restarts` : "";
  return {
    name: Config.Labels[SERVICE_LABEL] || name,
    ref: Id,
    life: `${Id} ${State.StartedAt}`,
    hostname: Config.Hostname,
    running,
    // The engine starts such a one again, and it takes its ports again.
    active: running || Status === "restarting" || Status === "paused",
    status: Status,
    address: Object.values(NetworkSettings.Networks).find(({ IPAddress }) => IPAddress)?.IPAddress ?? "–",
    startedAtMs: Date.parse(State.StartedAt),
    pid: State.Pid,
    gcs: port === undefined ? undefined : { host: engine.host, port: Number(port) },
    healthy: Health?.Status === "healthy",
    ended: State.Error !== "" || Status === "exited" || Status === "dead",
    exit: exitOf(inspected),
    restarts: RestartCount,
    elsewhere: folder !== undefined && realPath(folder) !== realPath(configFolder) ? folder : undefined,
    other: Config.Labels[PART_LABEL] === OTHER,
    container: { name, status: `${Status}${how}${again}` },
    imageId: inspected.Image,
    configHash: Config.Labels[HASH_LABEL],
  };
}

function exitOf({ State, RestartCount }: z.infer<typeof Inspected>): string {
  if (State.Error !== "") return `the engine could not start it: ${State.Error}`;
  const again = RestartCount > 0 ? `, restarted ${RestartCount} times` : "";
  // Of one that runs again the engine says 0.
  const code = State.Running && State.ExitCode === 0 ? "it ended" : `exit code ${State.ExitCode}`;
  return `${State.OOMKilled ? `out of memory (${code})` : code}${again}`;
}

/** It may be gone, or on another machine. */
const realPath = (folder: string): string => attempt(() => realpathSync(folder)) ?? folder;

/** The options of `docker ps` and its kind for what carries the project's label. */
export const labelFilters = ({ projectName }: Pick<Settings, "projectName">, part?: Part): string[] => [
  ...["--filter", `label=${PROJECT_LABEL}=${projectName}`],
  ...(part === undefined ? [] : ["--filter", `label=${PART_LABEL}=${part}`]),
];

/** Every container that carries the project's label. */
export async function listContainers(
  project: Pick<Project, "engine" | "settings" | "configFolder">,
  part?: Part,
): Promise<Result<Container[], Refusal>> {
  const list = ["ps", "--all", "--quiet", "--no-trunc", ...labelFilters(project.settings, part)];
  const found = await inspectEach(project.engine, list, ["inspect", "--type", "container"], Inspected);
  return found.ok ? ok(found.value.map((each) => containerOf(each, project))) : found;
}

/** True if a container of the project is running. */
export async function isDockerRunning(
  docker: Engine["docker"],
  settings: Pick<Settings, "projectName">,
): Promise<boolean> {
  const listed = await docker(["ps", "--quiet", ...labelFilters(settings)]);
  return listed.ok && listed.value.trim() !== "";
}

/** Asks the engine about everything that `list` lists. */
export async function inspectEach<T>(
  { docker }: Pick<Engine, "docker">,
  list: readonly string[],
  inspect: readonly string[],
  schema: z.ZodMiniType<T>,
): Promise<Result<T[], Refusal>> {
  const listed = await docker(list);
  if (!listed.ok) return listed;
  const ids = listed.value.split("\n").filter((line) => /^[0-9a-f]{12,64}$/.test(line));
  if (ids.length === 0) return ok([]);
  const inspected = await docker([...inspect, ...ids]);
  // If one went away between the two commands, the engine reports an error but lists the others.
  const text = inspected.ok ? inspected.value : inspected.error.stdout;
  try {
    return ok(z.array(schema).parse(JSON.parse(text)));
  } catch (error) {
    const lines = [`its answer has an unknown form: ${(error as Error).message}`];
    return inspected.ok ? err(refusal(`docker ${inspect.join(" ")}`, lines)) : inspected;
  }
}
