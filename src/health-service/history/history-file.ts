import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { ClusterEvent } from "../../common/protocol/events-protocol.ts";
import { keptOf, MAX_EVENTS } from "../../common/protocol/kept-events.ts";
import { attempt } from "../../common/result.ts";
import { append, writeDurably } from "../durable.ts";

/** The history in `events.jsonl` of a folder: a line an event. It grows to twice what is kept, and is then written anew. */
export class HistoryFile {
  readonly #path: string;
  readonly #onFailed: (file: string, cause: string) => void;
  #all: readonly ClusterEvent[] = [];
  /** Lines on disk; more than any file may have: write it anew. */
  #onDisk = Number.POSITIVE_INFINITY;
  #pending: readonly string[] = [];
  #writing = false;

  /** `onFailed`: called where the disk refuses; the history is then in memory alone. */
  constructor(folder: string, onFailed: (file: string, cause: string) => void) {
    this.#path = join(folder, "events.jsonl");
    this.#onFailed = onFailed;
  }

  /** What was kept; damaged lines are skipped. */
  async read(): Promise<readonly ClusterEvent[]> {
    const text = await readFile(this.#path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT" && error.code !== "ENOTDIR") this.#onFailed(this.#path, error.message);
      return "";
    });
    const found = text.split("\n").slice(0, -1);
    const events = found
      .flatMap((line) => attempt(() => z.parse(ClusterEvent, JSON.parse(line))) ?? [])
      .toSorted((a, b) => a.id - b.id);
    if (text.endsWith("\n")) this.#onDisk = found.length;
    return keptOf(events);
  }

  /** Writes in the background; `all`: what is kept with it. What the disk refuses is tried again with the next event. */
  keep(event: ClusterEvent, all: readonly ClusterEvent[]): void {
    this.#all = all;
    // So many are not appended.
    this.#pending = [...this.#pending, JSON.stringify(event)].slice(-2 * MAX_EVENTS);
    if (!this.#writing) void this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      this.#pending = [];
      const failure = await this.#put(lines).then(
        () => null,
        (error: Error) => error.message,
      );
      if (failure === null) continue;
      // Half a line may be there.
      this.#onDisk = Number.POSITIVE_INFINITY;
      this.#onFailed(this.#path, failure);
    }
    this.#writing = false;
  }

  async #put(lines: readonly string[]): Promise<void> {
    const isShort = this.#onDisk + lines.length < 2 * MAX_EVENTS;
    if (isShort && (await append(this.#path, `${lines.join("\n")}\n`))) {
      this.#onDisk += lines.length;
      return;
    }
    const all = this.#all.map((event) => JSON.stringify(event));
    await writeDurably(this.#path, `${all.join("\n")}\n`);
    this.#onDisk = all.length;
    // They may have come while that was written.
    const written = new Set(all);
    this.#pending = this.#pending.filter((line) => !written.has(line));
  }
}
