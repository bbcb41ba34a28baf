import { existsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { pause } from "../../../common/deadline.ts";
import type { LogLine, LogRequest } from "../runtime.ts";

const LOOK_EVERY_MS = 200;
const CHUNK_BYTES = 64 * 1024;

export interface LogSource {
  readonly node: string;
  readonly file: string;
}

/** The last `count` lines of a log; none where there is no log. */
export async function lastLines(file: string, count: number): Promise<string[]> {
  if (!existsSync(file)) return [];
  const lines = (await readFile(file, "utf8")).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.slice(-count);
}

/** The lines of all sources: first what is there, source by source, then, if it follows, what comes. */
export async function* readLogs(
  sources: readonly LogSource[],
  { follow, tail }: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const readers = sources.map(({ node, file }) => ({ node, reader: new LogReader(file) }));
  for (const { node, reader } of readers) {
    const lines = await reader.newLines();
    for (const text of tail === undefined ? lines : lines.slice(lines.length - Math.min(tail, lines.length)))
      yield { node, text };
  }
  while (follow && !signal.aborted) {
    for (const { node, reader } of readers) for (const text of await reader.newLines()) yield { node, text };
    await pause(LOOK_EVERY_MS, signal);
  }
}

/** Reads a growing file from where it stopped; a file that was replaced or cut is read from its beginning. */
class LogReader {
  readonly #file: string;
  #inode = 0;
  #offset = 0;
  #rest = "";
  /** Keeps the bytes of a character that is half written. */
  #decoder = new StringDecoder("utf8");

  constructor(file: string) {
    this.#file = file;
  }

  /** The whole lines that came since the last call. */
  async newLines(): Promise<string[]> {
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
      return lines;
    } finally {
      await handle.close();
    }
  }
}
