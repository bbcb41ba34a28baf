import { readFile, rename, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Problem } from "../../common/failure.ts";
import { ok, type Result } from "../../common/result.ts";
import type { Settings } from "../settings.ts";
import { type Generated, type GeneratedFile, generateComposeFiles } from "./generate.ts";
import { readHostFacts } from "./read-host.ts";

export interface WriteReport {
  readonly generated: Generated;
  /** Files that are written now; with `check` none. */
  readonly written: readonly string[];
  /** Files that were what they should be. */
  readonly unchanged: readonly string[];
  /** With `check`: files that are missing or differ. */
  readonly stale: readonly string[];
}

export interface WriteOptions {
  /** Where the compose files go: the folder of config.yaml. */
  readonly folder: string;
  /** The checkout, from which the images are built. */
  readonly root: string;
  /** Only compare, and write nothing. */
  readonly check: boolean;
}

/** Brings compose.yaml and cluster-test.compose.yaml in line with the settings and this machine. */
export async function writeComposeFiles(
  settings: Settings,
  { folder, root, check }: WriteOptions,
): Promise<Result<WriteReport, readonly Problem[]>> {
  const facts = { ...readHostFacts(), buildContext: relative(folder, root) || "." };
  const made = generateComposeFiles(settings, facts);
  if (!made.ok) return made;
  const generated = made.value;
  const { files } = generated;
  const same = await Promise.all(files.map((file) => isUpToDate(folder, file)));
  const names = (want: boolean) => files.filter((_, i) => same[i] === want).map(({ name }) => name);
  if (check) return ok({ generated, written: [], unchanged: names(true), stale: names(false) });
  await Promise.all(files.filter((_, i) => !same[i]).map((file) => replace(folder, file)));
  return ok({ generated, written: names(false), unchanged: names(true), stale: [] });
}

async function isUpToDate(folder: string, { name, text }: GeneratedFile): Promise<boolean> {
  try {
    return (await readFile(join(folder, name), "utf8")) === text;
  } catch {
    // Missing or not readable: writing it anew shows which.
    return false;
  }
}

/** Whoever reads meanwhile sees the old file or the new one, never half of it. */
async function replace(folder: string, { name, text }: GeneratedFile): Promise<void> {
  const draft = join(folder, `.${name}.${process.pid}`);
  await writeFile(draft, text);
  await rename(draft, join(folder, name));
}
