import { constants } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/*
 * The folder may be another user's, who can put a link where a file is written: none is followed, whatever this process may write.
 */

/** Writes a file that only this user reads; returns when it is on the disk. It is never half written. Rejects as the disk does. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  await mkdir(dirname(path), { recursive: true });
  await rm(draft, { force: true });
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  // A rename is on the disk only when its folder is.
  const folder = await open(dirname(path), "r");
  await folder.sync().finally(() => folder.close());
}

const { O_APPEND, O_WRONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Adds to a file that this user has written. False where it is none: write it anew. Rejects as the disk does. */
export async function append(path: string, text: string): Promise<boolean> {
  const file = await open(path, O_APPEND | O_WRONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const stat = await file.stat();
    const isOurs = stat.isFile() && stat.nlink === 1 && stat.uid === process.geteuid?.();
    if (isOurs) await file.writeFile(text);
    return isOurs;
  } finally {
    await file.close();
  }
}
