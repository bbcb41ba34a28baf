import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { bootMs } from "../../common/deadline.ts";
import { readRegular, replaceFile } from "../../common/files.ts";
import { visible } from "../../common/output/shown.ts";
import { attempt } from "../../common/result.ts";
import { asUser, ownerOfWrites, type RayUser } from "../config/become.ts";

export type NoteFile = ReturnType<typeof noteFile>;

/**
 * A small file for other programs; null: there is none. A node that works must not stop because a note cannot be read or
 * written, so all that fails is left undone. `user`: the user that Ray runs as, when this process is root. The file is
 * then touched with that user's rights, unless only root can change every folder of its path.
 */
export function noteFile(file: string | null, user: RayUser | null) {
  const writer = file === null ? null : ownerOfWrites(dirname(file), user);
  const safely = <T>(work: (file: string) => T): T | undefined =>
    file === null ? undefined : attempt(() => asUser(writer, () => work(file)));
  return {
    /** Its text; empty where there is none. */
    read: (): string => safely(readRegular) ?? "",
    write: (text: string): void => safely((path) => replaceFile(path, text)),
    drop: (): void => safely((path) => rmSync(path, { force: true })),
  };
}

/** A look that fails may take this long (monitor.ts), and three in a row are no fault yet (verdict.ts). */
const LOOK_MS = 2000;
const LOOKS = 3;

export type AliveNote = ReturnType<typeof aliveNote>;

/**
 * The note that the cluster counts this node as living, for docker/health-check.sh: seconds since boot until which it
 * holds, then words. A node that freezes or loses its HEAD cannot renew it, so the note lapses by itself. `everyMs`: how
 * often it is renewed.
 */
export function aliveNote(note: NoteFile, everyMs: number) {
  const holdsMs = LOOKS * (everyMs + LOOK_MS) + 1000;
  return {
    /** To be called whenever the GCS said that this node is alive. */
    renew: (words: string): void => {
      // The clock that the shell reads too. It includes time suspended: a note from before is no longer valid.
      const until = Math.ceil((bootMs() + holdsMs) / 1000);
      note.write(`${until} ${visible(words)}\n`);
    },
    /** The node is not alive in its cluster, or no longer for sure. */
    drop: note.drop,
  };
}
