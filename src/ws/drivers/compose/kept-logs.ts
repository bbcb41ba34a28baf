import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LogLine, type LogRequest, readLog } from "../log-files.ts";
import { CHANGE_MS } from "./engine.ts";
import { type Project, stateOf } from "./project.ts";

type Place = Pick<Project, "stateDir">;

const folderOf = (place: Place): string => join(stateOf(place), "logs");
const fileOf = (place: Place, service: string): string => join(folderOf(place), `${service}.log`);

/** The limit of lines per container, because a node that restarts again and again never stops writing. */
const MOST_LINES = "20000";

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
  const file = fileOf(project, service);
  const words = ["logs", "--timestamps", "--tail", MOST_LINES, id ?? ""];
  const log =
    id === undefined ? undefined : await project.engine.docker(words, { timeoutMs: CHANGE_MS, both: true });
  const text = log?.ok === true ? log.value : instead;
  mkdirSync(folderOf(project), { recursive: true });
  writeFileSync(file, text.endsWith("\n") ? text : `${text}\n`);
  return file;
}

/** Removes what an earlier start left. */
export const dropKeptLogs = (place: Place): void => rmSync(folderOf(place), { recursive: true, force: true });

export const hasKeptLog = (place: Place, service: string): boolean => existsSync(fileOf(place, service));

/** The lines of a start that failed. */
export async function* readKeptLog(
  project: Pick<Project, "stateDir" | "env">,
  node: string,
  request: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const file = fileOf(project, node);
  const time = statSync(file).mtime.toISOString();
  yield {
    node,
    time,
    text: `→ Its container is gone; these lines are kept from the start that failed at ${time}`,
  };
  yield* readLog({ node, file, env: project.env }, { ...request, follow: false }, signal);
}
