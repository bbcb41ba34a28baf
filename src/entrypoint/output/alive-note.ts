import { bootMs } from "../../common/deadline.ts";
import { visible } from "../../common/output/shown.ts";
import type { RayUser } from "../config/become.ts";
import { NoteFile } from "./note-file.ts";

/** A look that fails may take this long (monitor.ts), and three in a row are no fault yet (verdict.ts). */
const LOOK_MS = 2000;
const LOOKS = 3;

/**
 * The note that the cluster counts this node as living, for docker/health-check.sh: seconds since boot until which it
 * holds, then words. A node that freezes or loses its HEAD cannot renew it, so the note lapses by itself.
 */
export class AliveNote {
  readonly #file: NoteFile;
  readonly #holdsMs: number;

  /** `everyMs`: how often it is renewed. The others as NoteFile takes them. */
  constructor(file: string | null, everyMs: number, user: RayUser | null) {
    this.#file = new NoteFile(file, user);
    this.#holdsMs = LOOKS * (everyMs + LOOK_MS) + 1000;
  }

  /** To be called whenever the GCS said that this node is alive. */
  renew(words: string): void {
    // The clock that the shell reads too. It includes time suspended: a note from before is no longer valid.
    const until = Math.ceil((bootMs() + this.#holdsMs) / 1000);
    this.#file.write(`${until} ${visible(words)}\n`);
  }

  /** The node is not alive in its cluster, or no longer for sure. */
  drop(): void {
    this.#file.drop();
  }
}
