import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { asUser, ownerOfWrites, type RayUser } from "../config/become.ts";

/**
 * A small file for other programs. A node that works must not stop because a note cannot be read or written, so all
 * that fails is left undone.
 */
export class NoteFile {
  readonly #file: string | null;
  readonly #user: RayUser | null;

  /**
   * If `file` is null, there is no note. `user`: the user that Ray runs as, when this process is root. The file is then
   * touched with that user's rights, unless only root can change every folder of its path.
   */
  constructor(file: string | null, user: RayUser | null) {
    this.#file = file;
    this.#user = file === null ? null : ownerOfWrites(dirname(file), user);
  }

  /** Its text; empty where there is none. */
  read(): string {
    return this.#attempt((file) => readFileSync(file, "utf8")) ?? "";
  }

  /** Renamed into place: no reader sees half a note, and no link that a job of Ray's made is followed. */
  write(text: string): void {
    this.#attempt((file) => {
      rmSync(`${file}.new`, { force: true });
      writeFileSync(`${file}.new`, text, { flag: "wx" });
      renameSync(`${file}.new`, file);
    });
  }

  drop(): void {
    this.#attempt((file) => rmSync(file, { force: true }));
  }

  #attempt<T>(work: (file: string) => T): T | undefined {
    const file = this.#file;
    if (file === null) return undefined;
    try {
      return asUser(this.#user, () => work(file));
    } catch {
      return undefined;
    }
  }
}
