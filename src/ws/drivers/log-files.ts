import { existsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { pause } from "../../common/deadline.ts";

const LOOK_EVERY_MS = 200;
const CHUNK_BYTES = 64 * 1024;

export interface LogRequest {
  /** Empty: all of them. */
  readonly nodes: readonly string[];
  readonly follow: boolean;
  /** How many of the last lines of each to begin with; undefined: all. */
  readonly tail: number | undefined;
  /** Only lines written since then. */
  readonly since?: Date | undefined;
}

export interface LogLine {
  readonly node: string;
  /** When it was written, in RFC 3339, if known. */
  readonly time: string | undefined;
  readonly text: string;
}

interface LogSource {
  readonly node: string;
  readonly file: string;
}

/** The text of a log, or its last lines, without the times in front of the lines; empty if there is no log. */
export async function logText(file: string, lastLines?: number): Promise<string> {
  const text = existsSync(file) ? asText((await readFile(file, "utf8")).replaceAll(STAMPS, "")) : "";
  return lastLines === undefined ? text : text.trimEnd().split("\n").slice(-lastLines).join("\n");
}

/** The same log as RAY_EP_LOG=text has it: of an event in JSON its `message`. Pure. */
export const asText = (log: string): string => log.replaceAll(EVENT, (line) => messageOf(line) ?? line);

function messageOf(line: string): string | undefined {
  try {
    return String(JSON.parse(line).message);
  } catch {
    return undefined;
  }
}

/** RFC 3339 in UTC, as our programs write it (RAY_EP_LOG=timed) and `docker logs --timestamps` does. */
const STAMP = "\\d{4}-\\d\\d-\\d\\dT[\\d:.]{8,}Z";
const STAMPS = new RegExp(`^${STAMP} `, "gm");
const STAMPED = new RegExp(`^(${STAMP}) (.*)$`, "s");
/** An event of one of our programs as JSON (src/common/logger.ts). */
const EVENT = new RegExp(`^\\{"time":"${STAMP}","message":.*\\}$`, "gm");
const EVENT_TIME = new RegExp(`^\\{"time":"(${STAMP})","message":`);

/** The time in front of a line, and the rest of it; Ray's lines have none. Pure. */
export function stamped(line: string): { readonly time: string | undefined; readonly text: string } {
  const [, time, text] = STAMPED.exec(line) ?? EVENT_TIME.exec(line) ?? [];
  return { time, text: text ?? line };
}

/** The lines of a log: first what is there, then, if it is followed, what comes. */
export async function* readLog(
  { node, file }: LogSource,
  { follow, tail, since }: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const reader = new LogReader(file);
  const lines = (await reader.newLines()).filter(({ time }) => isSince(time, since));
  const first = tail === undefined ? 0 : Math.max(0, lines.length - tail);
  for (const line of lines.slice(first)) yield { node, ...line };
  while (follow && !signal.aborted) {
    for (const line of await reader.newLines()) yield { node, ...line };
    await pause(LOOK_EVERY_MS, signal);
  }
}

/** A line without a time has no known time. */
const isSince = (time: string | undefined, since: Date | undefined): boolean =>
  since === undefined || (time !== undefined && Date.parse(time) >= since.getTime());

/** Reads a growing file from where it stopped; a file that was replaced or cut is read from its beginning. */
class LogReader {
  readonly #file: string;
  #inode = 0;
  #offset = 0;
  #rest = "";
  /** The time of the last line that had one: Ray's lines are from about then. */
  #time: string | undefined;
  /** Keeps the bytes of a character that is half written. */
  #decoder = new StringDecoder("utf8");

  constructor(file: string) {
    this.#file = file;
  }

  /** The whole lines that came since the last call. */
  async newLines(): Promise<Omit<LogLine, "node">[]> {
    const handle = await open(this.#file, "r").catch(() => undefined);
    if (handle === undefined) return [];
    try {
      const { ino, size } = await handle.stat();
      if (ino !== this.#inode || size < this.#offset) {
        this.#inode = ino;
        this.#offset = 0;
        this.#rest = "";
        this.#decoder = new StringDecoder("utf8");
      }
      const buffer = Buffer.alloc(CHUNK_BYTES);
      let text = this.#rest;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, this.#offset);
        if (bytesRead === 0) break;
        this.#offset += bytesRead;
        text += this.#decoder.write(buffer.subarray(0, bytesRead));
      }
      const lines = text.split("\n");
      this.#rest = lines.pop() ?? "";
      return lines.map((line) => {
        const { time = this.#time, text: words } = stamped(line);
        this.#time = time;
        return { time, text: words };
      });
    } finally {
      await handle.close();
    }
  }
}
