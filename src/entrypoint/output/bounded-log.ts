import * as fs from "node:fs";
import { dirname } from "node:path";
import { attempt } from "../../common/result.ts";
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
  const file = limitBytes === null ? undefined : attempt(() => appendedFile(fd));
  if (limitBytes === null || file === undefined) return write;
  const keeper = ownerOfWrites(dirname(file), user);
  // Neither follows a link.
  const keep = () => {
    fs.rmSync(`${file}.1`, { force: true });
    fs.copyFileSync(file, `${file}.1`, fs.constants.COPYFILE_EXCL);
  };
  return (text) => {
    if ((attempt(() => fs.fstatSync(fd).size) ?? 0) >= limitBytes) {
      // A log that cannot be kept (the disk is full) is emptied all the same: that is what the limit is for.
      attempt(() => asUser(keeper, keep));
      attempt(() => fs.ftruncateSync(fd));
    }
    write(text);
  };
}

/** O_APPEND (fcntl.h). Without it a writer goes on where it was, and the cut file has a hole of all that it held. */
const APPEND = 0o2000;

/** The path of the file, from /proc; undefined where it is none, or is not appended to. Throws where this is no Linux. */
function appendedFile(fd: number): string | undefined {
  const [, flags = "0"] =
    /^flags:\s*([0-7]+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
  const appends = (Number.parseInt(flags, 8) & APPEND) !== 0;
  return appends && fs.fstatSync(fd).isFile() ? fs.readlinkSync(`/proc/self/fd/${fd}`) : undefined;
}
