import { join, relative } from "node:path";
import { err, ok, type Result } from "../../common/result.ts";
import type { Settings } from "../config/settings.ts";
import type { WsFailure } from "../failure.ts";
import { type Generated, generateComposeFiles } from "./generate.ts";
import { inspectFile, marked, type NotOurs, replaceFile } from "./own-file.ts";
import { readHostFacts } from "./read-host.ts";

export interface WriteReport {
  /** Files that are written now; with `check` none. */
  readonly written: readonly string[];
  /** Files that were what they should be. */
  readonly unchanged: readonly string[];
  /** With `check`: files that are missing or differ. */
  readonly stale: readonly string[];
}

export interface Places {
  /** The config.yaml; the compose files are written to its folder. */
  readonly configFile: string;
  readonly configFolder: string;
  /** The checkout, from which the images are built. */
  readonly root: string;
}

/** The compose files for the settings and this machine; nothing is written. */
export function generateHere(
  settings: Settings,
  { configFile, configFolder, root }: Places,
): Result<Generated, WsFailure> {
  const buildContext = relative(configFolder, root) || ".";
  const made = generateComposeFiles(settings, { ...readHostFacts(), buildContext });
  return made.ok ? made : err({ reason: "bad-settings", file: configFile, problems: made.error });
}

/** Files of those names that `ws` did not write, or that were changed since. */
export async function foreignFiles({ files }: Generated, folder: string): Promise<NotOurs[]> {
  const there = await Promise.all(files.map(({ name }) => inspectFile(join(folder, name))));
  return there.flatMap((each) => ("why" in each ? [each] : []));
}

/**
 * Brings compose.yaml and cluster-test.compose.yaml in line with what was generated. If `ws` did not write one of the
 * files, or it was changed since, both stay as they are.
 */
export async function writeComposeFiles(
  generated: Generated,
  { configFolder }: Pick<Places, "configFolder">,
  { check }: { readonly check: boolean },
): Promise<Result<WriteReport, WsFailure>> {
  const files = generated.files.map(({ name, text }) => ({ name, text: marked(text) }));
  const there = await Promise.all(files.map(({ name }) => inspectFile(join(configFolder, name))));
  const same = there.map((each, i) => "text" in each && each.text === files[i]?.text);
  const names = (want: boolean) => files.filter((_, i) => same[i] === want).map(({ name }) => name);
  if (check) return ok({ written: [], unchanged: names(true), stale: names(false) });
  const foreign = there.flatMap((each) => ("why" in each ? [each] : []));
  if (foreign.length > 0) return err({ reason: "not-our-files", files: foreign });
  await Promise.all(
    files.filter((_, i) => !same[i]).map(({ name, text }) => replaceFile(configFolder, name, text)),
  );
  return ok({ written: names(false), unchanged: names(true), stale: [] });
}
