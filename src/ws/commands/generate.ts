import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "../../common/failure.ts";
import { ok, type Result } from "../../common/result.ts";
import { type GeneratedFile, generateComposeFiles } from "../compose/generate.ts";
import { readHostFacts } from "../compose/read-host.ts";
import type { Settings } from "../settings.ts";

export interface GenerateReport {
  /** Files that are written now; with `check` none. */
  readonly written: readonly string[];
  /** Files that were what they should be. */
  readonly unchanged: readonly string[];
  /** With `check`: files that are missing or differ. */
  readonly stale: readonly string[];
  readonly warnings: readonly Problem[];
}

export interface GenerateOptions {
  readonly settings: Settings;
  /** The folder of config.yaml, where the compose files go. */
  readonly folder: string;
  /** Only compare, and write nothing. */
  readonly check: boolean;
}

/** `ws generate [--check]`: brings compose.yaml and cluster-test.compose.yaml in line with config.yaml and this machine. */
export async function generate(
  options: GenerateOptions,
): Promise<Result<GenerateReport, readonly Problem[]>> {
  const generated = generateComposeFiles(options.settings, readHostFacts());
  if (!generated.ok) return generated;
  const { files, warnings } = generated.value;
  const same = await Promise.all(files.map((file) => isUpToDate(options.folder, file)));
  const names = (want: boolean) => files.filter((_, i) => same[i] === want).map(({ name }) => name);
  if (options.check) return ok({ written: [], unchanged: names(true), stale: names(false), warnings });
  await Promise.all(files.filter((_, i) => !same[i]).map((file) => replace(options.folder, file)));
  return ok({ written: names(false), unchanged: names(true), stale: [], warnings });
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
