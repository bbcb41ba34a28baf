import { mkdir, open, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a file that only this user reads; returns when it is on the disk. It is never half written. Rejects as the disk does. */
export async function writeDurably(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, text, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
  // A rename is on the disk only when its folder is.
  const folder = await open(dirname(path), "r");
  await folder.sync().finally(() => folder.close());
}
