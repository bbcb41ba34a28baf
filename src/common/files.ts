import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { attempt } from "./result.ts";

/** The text of a file; null where it cannot be read. */
export const readText = (path: string): string | null => attempt(() => readFileSync(path, "utf8")) ?? null;

/** The same for a file that jobs of Ray can replace: a FIFO or a device, which could hold the reader for ever, is not read. */
export function readRegular(path: string): string | null {
  const fd = attempt(() => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  if (fd === undefined) return null;
  const text = attempt(() => (fstatSync(fd).isFile() ? readFileSync(fd, "utf8") : null));
  closeSync(fd);
  return text ?? null;
}

/** Writes a file in one step: no reader sees half of it, and no link that a job of Ray's made is followed. */
export function replaceFile(path: string, text: string, mode?: number): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { flag: "wx", mode: mode === undefined ? 0o666 : mode & 0o600 });
  // Whatever the umask is.
  if (mode !== undefined) chmodSync(draft, mode);
  renameSync(draft, path);
}
