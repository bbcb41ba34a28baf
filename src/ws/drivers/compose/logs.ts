import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../../../common/environment.ts";
import type { LogPart } from "../driver.ts";
import { asText, type LogLine, type LogRequest, readLog, stamped } from "../log-files.ts";
import { streamLines } from "../run-program.ts";
import { CHANGE_MS, type Engine } from "./engine.ts";
import { type Project, stateOf } from "./project.ts";

/** What a container wrote, restarts included, or a part of it; empty where the engine has no log of it. */
export async function readContainer(
  { docker }: Pick<Engine, "docker">,
  ref: string,
  { lastLines, sinceMs }: LogPart = {},
): Promise<string> {
  const part = partOf(lastLines, sinceMs ? new Date(sinceMs) : undefined);
  const log = await docker(["logs", ...part, ref], { timeoutMs: CHANGE_MS, both: true });
  return log.ok ? asText(log.value) : "";
}

const partOf = (tail: number | undefined, since: Date | undefined): string[] => [
  ...(tail === undefined ? [] : ["--tail", String(tail)]),
  ...(since === undefined ? [] : ["--since", since.toISOString()]),
];

/** The lines of one container, as the engine gives them. */
export async function* followContainer(
  node: string,
  ref: string,
  { follow, tail, since }: LogRequest,
  env: Environment,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const words = [...(follow ? ["--follow"] : []), ...partOf(tail, since)];
  for await (const line of streamLines(["docker", "logs", "--timestamps", ...words, ref], { env, signal }))
    yield { node, ...stamped(line) };
}

/** Where the image has a node keep its status (docker/Dockerfile). */
const STATUS_FILE = "/run/ray-entrypoint/status.json";

/** The text of that file, also of a container that does not run; empty where there is none. */
export async function readStatus({ docker }: Pick<Engine, "docker">, ref: string): Promise<string> {
  // A tar archive of this one file, whose header has no braces. `docker exec` would need a container that runs.
  const archive = await docker(["cp", `${ref}:${STATUS_FILE}`, "-"]);
  const text = archive.ok ? archive.value : "";
  return text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
}

/** The limit of lines per container, because a node that restarts again and again never stops writing. */
const MAX_LINES = "20000";

const folderOf = (project: Pick<Project, "stateDir">): string => join(stateOf(project), "logs");

/**
 * Keeps a container's log with its times, before a failed start is undone. `instead` is used if the container is
 * gone. Returns the file.
 */
export async function keepLog(
  project: Pick<Project, "stateDir" | "engine">,
  service: string,
  id: string | undefined,
  instead = "",
): Promise<string> {
  const words = ["logs", "--timestamps", "--tail", MAX_LINES];
  const options = { timeoutMs: CHANGE_MS, both: true } as const;
  const log = id === undefined ? undefined : await project.engine.docker([...words, id], options);
  const text = log?.ok ? log.value : instead;
  const file = join(folderOf(project), `${service}.log`);
  mkdirSync(folderOf(project), { recursive: true });
  writeFileSync(file, text.endsWith("\n") ? text : `${text}\n`);
  return file;
}

/** Removes what an earlier start left. */
export const dropKeptLogs = (project: Pick<Project, "stateDir">): void =>
  rmSync(folderOf(project), { recursive: true, force: true });

/** The lines of a start that failed; undefined where none are kept. */
export function readKeptLog(
  project: Pick<Project, "stateDir" | "env">,
  node: string,
  request: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogLine> | undefined {
  const file = join(folderOf(project), `${node}.log`);
  return existsSync(file)
    ? keptLines({ node, file, env: project.env }, { ...request, follow: false }, signal)
    : undefined;
}

async function* keptLines(...[source, ...how]: Parameters<typeof readLog>): AsyncGenerator<LogLine> {
  const { node, file } = source;
  const time = statSync(file).mtime.toISOString();
  yield {
    node,
    time,
    text: `→ Its container is gone; these lines are kept from the start that failed at ${time}`,
  };
  yield* readLog(source, ...how);
}
