import { lstat, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { sha256 } from "../../common/digest.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { Settings } from "../config/settings.ts";
import { secretsFolder } from "../config/tokens.ts";
import type { WsFailure } from "../failure.ts";
import type { NotOurs } from "../output/failure-texts.ts";
import { machineSecrets } from "../state/machine.ts";
import { generateComposeFiles } from "./generate.ts";
import { type HostPlan, planHost } from "./host-plan.ts";
import { COMPOSE_FILE, TEST_COMPOSE_FILE } from "./names.ts";
import { readHostFacts } from "./read-host.ts";

export interface Places {
  /** The config.yaml; the compose files are written to its folder. */
  readonly configFile: string;
  readonly configFolder: string;
  /** The checkout, from which the images are built. */
  readonly root: string;
  readonly stateDir: string;
}

/** What the settings become on this machine; nothing is written. */
export function planHere(
  settings: Settings,
  { configFile, configFolder, root, stateDir }: Places,
): Result<HostPlan, WsFailure> {
  const plan = planHost(settings, {
    ...readHostFacts(),
    buildContext: relative(configFolder, root) || ".",
    secretsFolder: relative(
      configFolder,
      settings.machine ? machineSecrets(stateDir) : secretsFolder(stateDir, "docker"),
    ),
  });
  return plan.ok ? plan : err({ reason: "bad-settings", file: configFile, problems: plan.error });
}

/** Files of the names of ours that `ws` did not write, or that were changed since. */
export async function foreignFiles(folder: string): Promise<NotOurs[]> {
  const files = [COMPOSE_FILE, TEST_COMPOSE_FILE].map((name) => inspectFile(join(folder, name)));
  return (await Promise.all(files)).flatMap(({ foreign }) => foreign ?? []);
}

/**
 * Brings compose.yaml and cluster-test.compose.yaml in line with the plan, or with `check` only says which are stale: missing
 * or different. If `ws` did not write one of the files, or it was changed since, both stay as they are.
 */
export async function writeComposeFiles(
  plan: HostPlan,
  folder: string,
  { check }: { readonly check: boolean },
): Promise<Result<{ written: string[]; unchanged: string[]; stale: string[] }, WsFailure>> {
  const found = await Promise.all(
    generateComposeFiles(plan).map(async ({ name, text }) => ({
      name,
      wanted: marked(text),
      ...(await inspectFile(join(folder, name))),
    })),
  );
  const stale = found.filter(({ text, wanted }) => text !== wanted);
  const names = stale.map(({ name }) => name);
  const unchanged = found.map(({ name }) => name).filter((name) => !names.includes(name));
  if (check) return ok({ written: [], unchanged, stale: names });
  const foreign = found.flatMap(({ foreign }) => foreign ?? []);
  if (foreign.length > 0) return err({ reason: "not-our-files", files: foreign });
  await Promise.all(stale.map(({ name, wanted }) => replaceFile(folder, name, wanted)));
  return ok({ written: names, unchanged, stale: [] });
}

const MARK = "# ws sha256:";

const digest = (text: string): string => sha256(text).slice(0, 32);

/** The text with a first line by which a later `ws` can check that it wrote all of it. Pure. */
export const marked = (text: string): string => `${MARK}${digest(text)}\n${text}`;

/** Why that text was not written, as a whole, by `ws`; undefined if it was. Pure. */
export function whyNotOurs(text: string): NotOurs["why"] | undefined {
  const [first = "", ...rest] = text.split("\n");
  if (!first.startsWith(MARK)) return "not written by ws";
  return first === `${MARK}${digest(rest.join("\n"))}` ? undefined : "changed by hand";
}

/** What exists under that name: nothing, a file of ours with its text, or something that is not ours. */
async function inspectFile(file: string): Promise<{ text?: string; foreign?: NotOurs }> {
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
async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  const draft = join(folder, `.${name}.${process.pid}`);
  await rm(draft, { force: true });
  // Does not write through a link.
  await writeFile(draft, text, { flag: "wx" });
  await rename(draft, join(folder, name));
}
