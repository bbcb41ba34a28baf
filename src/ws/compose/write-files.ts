import { join, relative } from "node:path";
import { err, ok, type Result } from "../../common/result.ts";
import type { Settings } from "../config/settings.ts";
import type { WsFailure } from "../failure.ts";
import { type Generated, generateComposeFiles } from "./generate.ts";
import { inspectFile, marked, type NotOurs, replaceFile } from "./own-file.ts";
import { readHostFacts } from "./read-host.ts";

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

const inspect = ({ files }: Generated, folder: string) =>
  Promise.all(
    files.map(async ({ name, text }) => ({
      name,
      wanted: marked(text),
      ...(await inspectFile(join(folder, name))),
    })),
  );

/** Files of those names that `ws` did not write, or that were changed since. */
export const foreignFiles = async (generated: Generated, folder: string): Promise<NotOurs[]> =>
  (await inspect(generated, folder)).flatMap(({ foreign }) => foreign ?? []);

/**
 * Brings compose.yaml and cluster-test.compose.yaml in line with what was generated, or with `check` only says which are
 * stale: missing or different. If `ws` did not write one of the files, or it was changed since, both stay as they are.
 */
export async function writeComposeFiles(
  generated: Generated,
  { configFolder }: Pick<Places, "configFolder">,
  { check }: { readonly check: boolean },
): Promise<Result<{ written: string[]; unchanged: string[]; stale: string[] }, WsFailure>> {
  const found = await inspect(generated, configFolder);
  const stale = found.filter(({ text, wanted }) => text !== wanted);
  const names = stale.map(({ name }) => name);
  const unchanged = found.map(({ name }) => name).filter((name) => !names.includes(name));
  if (check) return ok({ written: [], unchanged, stale: names });
  const foreign = found.flatMap(({ foreign }) => foreign ?? []);
  if (foreign.length > 0) return err({ reason: "not-our-files", files: foreign });
  await Promise.all(stale.map(({ name, wanted }) => replaceFile(configFolder, name, wanted)));
  return ok({ written: names, unchanged, stale: [] });
}
