import { readFileSync } from "node:fs";
import type { Environment } from "../../common/environment.ts";
import { attempt } from "../../common/result.ts";
import { streamLines } from "./run-program.ts";

export interface LogRequest {
  readonly follow: boolean;
  /** How many of the last lines of each to begin with; undefined: all. */
  readonly tail: number | undefined;
  readonly since?: Date | undefined;
}

export interface LogLine {
  /** When it was written, in RFC 3339, if known. */
  readonly time: string | undefined;
  readonly text: string;
}

/** RFC 3339 in UTC, as our programs write it (RAY_EP_LOG=timed) and `docker logs --timestamps` does. */
const STAMP = "\\d{4}-\\d\\d-\\d\\dT[\\d:.]{8,}Z";
const STAMPS = new RegExp(`^${STAMP} `, "gm");
const STAMPED = new RegExp(`^(${STAMP}) (.*)$`, "s");
/** An event of one of our programs as JSON (src/common/output/logger.ts). */
const EVENT = new RegExp(`^\\{"time":"(${STAMP})","message":.*\\}$`, "gm");
const EVENT_TIME = new RegExp(`^\\{"time":"(${STAMP})","message":`);

/** Only a log that does not exist is empty. Throws, as the file system says it, where one cannot be read. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return "";
  }
}

/** The last lines of a log, or all, without the times in front of them. */
export function logLines(file: string, tail?: number): string[] {
  const lines = linesIn(textOf(file).replaceAll(STAMPS, ""));
  return tail === undefined ? lines : lines.slice(-tail);
}

/** The lines of a log as RAY_EP_LOG=text has it: of an event in JSON its `message`. Pure. */
export function linesIn(log: string): string[] {
  const text = log
    .replaceAll(EVENT, (line) => attempt(() => String(JSON.parse(line).message)) ?? line)
    .trimEnd();
  return text === "" ? [] : text.split("\n");
}

/** The time in front of a line, and the rest of it; Ray's lines have none. Pure. */
export function stamped(line: string): LogLine {
  const [, time, text = line] = STAMPED.exec(line) ?? EVENT_TIME.exec(line) ?? [];
  return { time, text };
}

/** The lines of a log: first what is there, then, if it is followed, what comes, of a file that is replaced or cut as well. */
export async function* readLog(
  file: string,
  env: Environment,
  { follow, tail, since }: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const text = textOf(file);
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  let time: string | undefined;
  const read = (line: string): LogLine => {
    const own = stamped(line);
    // Ray's lines have none, and are from about then.
    time = own.time ?? time;
    return { time, text: own.text };
  };
  const lines = whole.split("\n").slice(0, -1).map(read);
  const wanted = since === undefined ? lines : lines.filter((line) => Date.parse(line.time ?? "") >= +since);
  yield* tail === undefined ? wanted : wanted.slice(Math.max(0, wanted.length - tail));
  if (!follow) return;
  const from = `+${Buffer.byteLength(whole) + 1}`;
  for await (const line of streamLines(["tail", "-q", "-c", from, "-F", file], { env, signal }, "stdout"))
    yield read(line);
}
