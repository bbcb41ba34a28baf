import { createHash } from "node:crypto";
import { lstat, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A file that exists and must not be overwritten. */
export interface NotOurs {
  readonly file: string;
  readonly why: "changed by hand" | "not written by ws" | "not a regular file";
}

const MARK = "# ws sha256:";

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32);

/** The text with a first line by which a later `ws` can check that it wrote all of it. Pure. */
export const marked = (text: string): string => `${MARK}${digest(text)}\n${text}`;

/** Why that text was not written, as a whole, by `ws`; undefined if it was. Pure. */
export function whyNotOurs(text: string): NotOurs["why"] | undefined {
  const [first = "", ...rest] = text.split("\n");
  if (!first.startsWith(MARK)) return "not written by ws";
  return first === `${MARK}${digest(rest.join("\n"))}` ? undefined : "changed by hand";
}

/** What exists under that name: nothing, a file of ours with its text, or something that is not ours. */
export async function inspectFile(file: string): Promise<{ text?: string; foreign?: NotOurs }> {
  const found = await lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (found === undefined) return {};
  // Through a link we would replace or read a file elsewhere.
  if (!found.isFile()) return { foreign: { file, why: "not a regular file" } };
  const text = await readFile(file, "utf8");
  const why = whyNotOurs(text);
  return why === undefined ? { text } : { foreign: { file, why } };
}

/** A reader sees either the old file or the new one, never half of it. */
export async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  const draft = join(folder, `.${name}.${process.pid}`);
  await rm(draft, { force: true });
  // Does not write through a link.
  await writeFile(draft, text, { flag: "wx" });
  await rename(draft, join(folder, name));
}
