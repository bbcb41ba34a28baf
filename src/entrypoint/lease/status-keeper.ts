import { visible } from "../../common/output/shown.ts";
import { type NodeStatus, parseStatus } from "../../common/protocol/node-status.ts";
import type { Event } from "../output/event.ts";
import type { NoteFile } from "../output/notes.ts";
import { type Born, newborn, statusAfter } from "./node-status.ts";

/** The status of this node, kept from its events, and its file. */
export class StatusKeeper {
  readonly #file: NoteFile;
  readonly #now: () => number;
  #status: NodeStatus;
  #writing: NodeJS.Immediate | undefined;

  /** `now`: milliseconds since 1970. */
  constructor(born: Born, file: NoteFile, now: () => number = Date.now) {
    this.#file = file;
    this.#now = now;
    this.#status = newborn(born, now(), parseStatus(file.read()));
  }

  get current(): NodeStatus {
    return this.#status;
  }

  /** An end is written at once; all else a turn later, since one turn often brings several events. */
  hear(event: Event): void {
    const next = statusAfter(this.#status, event, this.#now());
    if (next === this.#status) return;
    this.#status = next;
    if (event.type === "failed") this.#write();
    else this.#writing ??= setImmediate(() => this.#write());
  }

  #write(): void {
    clearImmediate(this.#writing);
    this.#writing = undefined;
    this.#file.write(`${visible(JSON.stringify(this.#status))}\n`);
  }
}
