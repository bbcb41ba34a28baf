import { statfsSync } from "node:fs";
import { dirname } from "node:path";

/** The bytes that are left on the disk of a folder, which need not exist yet; null where that cannot be known. */
export function bytesLeft(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return missing && folder !== dirname(folder) ? bytesLeft(dirname(folder)) : null;
  }
}
