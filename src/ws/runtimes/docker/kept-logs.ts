import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readLogs } from "../log-files.ts";
import type { LogLine, LogRequest } from "../runtime.ts";
import type { DockerCluster } from "./cluster.ts";
import type { Container } from "./containers.ts";
import { CHANGE_MS } from "./engine.ts";

type Place = Pick<DockerCluster, "state">;

const folderOf = ({ state }: Place): string => join(state, "logs");
const fileOf = (place: Place, service: string): string => join(folderOf(place), `${service}.log`);

/** Lines of one container: a node that starts again and again writes for ever. */
const MOST_LINES = "20000";

/** Keeps what a container wrote, with its times: it goes when a start is undone. `instead` stands for one that is gone. Returns the file. */
export async function keepLog(
  cluster: Pick<DockerCluster, "state" | "engine">,
  service: string,
  container: Pick<Container, "id"> | undefined,
  instead = "",
): Promise<string> {
  const file = fileOf(cluster, service);
  const words = ["logs", "--timestamps", "--tail", MOST_LINES, container?.id ?? ""];
  const log =
    container === undefined
      ? undefined
      : await cluster.engine.docker(words, { timeoutMs: CHANGE_MS, both: true });
  const text = log?.ok === true ? log.value : instead;
  mkdirSync(folderOf(cluster), { recursive: true });
  writeFileSync(file, text.endsWith("\n") ? text : `${text}\n`);
  return file;
}

/** What an earlier start left. */
export const dropKeptLogs = (place: Place): void => rmSync(folderOf(place), { recursive: true, force: true });

export const hasKeptLog = (place: Place, service: string): boolean => existsSync(fileOf(place, service));

/** The lines of a start that failed. */
export async function* readKeptLog(
  place: Place,
  node: string,
  request: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const file = fileOf(place, node);
  const time = statSync(file).mtime.toISOString();
  yield {
    node,
    time,
    text: `→ Its container is gone; these lines are kept from the start that failed at ${time}`,
  };
  yield* readLogs([{ node, file }], { ...request, follow: false }, signal);
}
