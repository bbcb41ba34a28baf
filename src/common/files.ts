import * as fs from "node:fs";
import { attempt } from "./result.ts";

/** The text of a file; null where it cannot be read. */
export const readText = (path: string): string | null => attempt(() => fs.readFileSync(path, "utf8")) ?? null;

/** The same for a file that jobs of Ray can replace: a FIFO or a device, which could hold the reader for ever, is not read. */
export function readRegular(path: string): string | null {
  const fd = attempt(() => fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK));
  if (fd === undefined) return null;
  const text = attempt(() => (fs.fstatSync(fd).isFile() ? fs.readFileSync(fd, "utf8") : null));
  fs.closeSync(fd);
  return text ?? null;
}

/**
 * Writes a file in one step: no reader sees half of it, and no link that a job of Ray's made is followed. `flush`: also after a
 * loss of power, which may leave it empty otherwise.
 */
export function replaceFile(path: string, text: string, mode?: number, flush = false): void {
  const draft = `${path}.new`;
  fs.rmSync(draft, { force: true });
  const fd = fs.openSync(draft, "wx", mode === undefined ? 0o666 : mode & 0o600);
  try {
    fs.writeFileSync(fd, text, { flush });
    // Whatever the umask is; by its descriptor, since the path may lead elsewhere by now.
    if (mode !== undefined) fs.fchmodSync(fd, mode);
  } finally {
    fs.closeSync(fd);
  }
  fs.renameSync(draft, path);
}
