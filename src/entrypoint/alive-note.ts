import { renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { bootMs } from "../common/deadline.ts";
import { visible } from "../common/visible.ts";
import { asUser, ownerOfWrites } from "./become.ts";
import type { RayUser } from "./facts.ts";

/** A look that fails may take this long (monitor.ts), and three in a row are no fault yet (verdict.ts). */
const LOOK_MS = 2000;
const LOOKS = 3;

/**
 * The note that the cluster counts this node as living, for docker/health-check.sh: seconds since boot until which it
 * holds, then words. A node that freezes or loses its HEAD cannot renew it, so the note lapses by itself.
 */
export class AliveNote {
  readonly #file: string | null;
  readonly #holdsMs: number;
  readonly #user: RayUser | null;

  /**
   * If `file` is null, no note is written. `everyMs`: how often it is renewed. `user`: the user that Ray runs as,
   * when this process is root. The note is then written with that user's rights, unless only root can change every
   * folder of its path.
   */
  constructor(file: string | null, everyMs: number, user: RayUser | null) {
    this.#file = file;
    this.#user = file === null ? null : ownerOfWrites(dirname(file), user);
    this.#holdsMs = LOOKS * (everyMs + LOOK_MS) + 1000;
  }

  /** To be called whenever the GCS said that this node is alive. */
  renew(words: string): void {
    const file = this.#file;
    if (file === null) return;
    this.#attempt(() => {
      // The clock that the shell reads too. It includes time suspended: a note from before is no longer valid.
      const until = Math.ceil((bootMs() + this.#holdsMs) / 1000);
      // Renamed into place: no reader sees half a note, and no link that a job of Ray's made is followed.
      rmSync(`${file}.new`, { force: true });
      writeFileSync(`${file}.new`, `${until} ${visible(words)}\n`, { flag: "wx" });
      renameSync(`${file}.new`, file);
    });
  }

  /** The node is not alive in its cluster, or no longer for sure. */
  drop(): void {
    const file = this.#file;
    if (file !== null) this.#attempt(() => rmSync(file, { force: true }));
  }

  /**
   * A node that works must not stop because the note cannot be written; the health check reports that the folder is read-only.
   */
  #attempt(work: () => void): void {
    try {
      asUser(this.#user, work);
    } catch {}
  }
}
