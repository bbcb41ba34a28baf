import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STATE_FOLDER } from "../../compose/names.ts";
import type { Driver } from "../driver.ts";
import { type LogLine, type LogRequest, linesIn, readLog, stamped } from "../log-files.ts";
import { streamLines } from "../run-program.ts";
import { CHANGE_MS } from "./engine.ts";
import { type Project, stateOf } from "./project.ts";

/** Where the image has a node keep its status (docker/entrypoint.sh). */
const STATUS_FILE = `${STATE_FOLDER}/status.json`;
/** Of a container's log, because a node that restarts again and again never stops writing. */
const MAX_LINES = "20000";

type Place = Pick<Project, "stateDir" | "settings">;

/** What containers wrote; of a start that failed the logs are kept. */
export function logVerbs({
  engine: { docker },
  env,
  ...place
}: Pick<Project, "engine" | "env"> & Place): Pick<Driver, "log" | "status" | "readLog" | "keepLog"> {
  const whole = { timeoutMs: CHANGE_MS, both: true } as const;
  const keptLog = (name: string) => join(keptLogs(place), `${name}.log`);
  return {
    log: async (ref, part) => {
      const log = await docker(["logs", ...partOf(part), ref], whole);
      return log.ok ? linesIn(log.value) : [];
    },
    status: async (ref) => {
      // A tar archive of this one file, whose header has no braces. `docker exec` would need a container that runs.
      const archive = await docker(["cp", `${ref}:${STATUS_FILE}`, "-"]);
      const text = archive.ok ? archive.value : "";
      return text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
    },
    readLog: (name, found, request, signal) => {
      const file = keptLog(name);
      if (found !== undefined) return followContainer(found.ref, request, { env, signal });
      return existsSync(file) ? keptLines(file, env, { ...request, follow: false }, signal) : undefined;
    },
    keepLog: async (name, found, instead = "") => {
      const words = ["logs", "--timestamps", "--tail", MAX_LINES];
      const log = found && (await docker([...words, found.ref], whole));
      const text = log?.ok ? log.value : instead;
      mkdirSync(keptLogs(place), { recursive: true });
      writeFileSync(keptLog(name), text.endsWith("\n") ? text : `${text}\n`);
      return keptLog(name);
    },
  };
}

const keptLogs = (place: Place): string => join(stateOf(place), "logs");

/** Removes what an earlier start left. */
export const dropKeptLogs = (place: Place): void => rmSync(keptLogs(place), { recursive: true, force: true });

const partOf = ({ tail, since }: Parameters<Driver["log"]>[1]): string[] => [
  ...(tail === undefined ? [] : ["--tail", String(tail)]),
  ...(since === undefined ? [] : ["--since", since.toISOString()]),
];

async function* followContainer(
  ref: string,
  request: LogRequest,
  options: Parameters<typeof streamLines>[1],
): AsyncGenerator<LogLine> {
  const words = ["logs", "--timestamps", ...(request.follow ? ["--follow"] : []), ...partOf(request)];
  for await (const line of streamLines(["docker", ...words, ref], options)) yield stamped(line);
}

async function* keptLines(...[file, ...how]: Parameters<typeof readLog>): AsyncGenerator<LogLine> {
  const time = statSync(file).mtime.toISOString();
  yield { time, text: `→ Its container is gone; these lines are kept from the start that failed at ${time}` };
  yield* readLog(file, ...how);
}
