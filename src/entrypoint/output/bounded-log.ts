import {
  constants,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { dirname } from "node:path";
import { asUser, ownerOfWrites, type RayUser } from "../config/become.ts";

type Write = (text: string) => void;

/**
 * `write`, for an output that must not grow for ever. Where `fd` is a file that is appended to, it is emptied before a
 * word that finds it at the limit, and what it held stays beside it as FILE.1; anything else has a keeper of its own.
 * Ray writes into the same open file, so that renaming it would not part them; a file that is appended to can be cut
 * under all its writers. `user`: whom root has to become for Ray, where the folder is that user's.
 */
export function boundedWrite(
  write: Write,
  fd: number,
  limitBytes: number | null,
  user: RayUser | null,
): Write {
  const file = limitBytes === null ? null : appendedFile(fd);
  if (limitBytes === null || file === null) return write;
  const keeper = ownerOfWrites(dirname(file), user);
  return (text) => {
    if (sizeOf(fd) >= limitBytes) empty(fd, file, keeper);
    write(text);
  };
}

/** O_APPEND (fcntl.h). Without it a writer goes on where it was, and the cut file has a hole of all that it held. */
const APPEND = 0o2000;

/** The path of the file, from /proc; null where it is none, or is not appended to, or this is no Linux. */
function appendedFile(fd: number): string | null {
  try {
    const [, flags = "0"] =
      /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
    const appends = (Number.parseInt(flags, 8) & APPEND) !== 0;
    return appends && fstatSync(fd).isFile() ? readlinkSync(`/proc/self/fd/${fd}`) : null;
  } catch {
    return null;
  }
}

function sizeOf(fd: number): number {
  try {
    return fstatSync(fd).size;
  } catch {
    return 0;
  }
}

/** Does not follow links. */
function keep(file: string): void {
  rmSync(`${file}.1`, { force: true });
  copyFileSync(file, `${file}.1`, constants.COPYFILE_EXCL);
}

/** A log that cannot be kept (the disk is full) is emptied all the same: that is what the limit is for. */
function empty(fd: number, file: string, keeper: RayUser | null): void {
  try {
    asUser(keeper, () => keep(file));
  } catch {}
  try {
    ftruncateSync(fd);
  } catch {}
}
