import { dirname } from "node:path";
import { generateHere, writeComposeFiles } from "../compose/write-files.ts";
import { loadSettings } from "../config/load.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { warnOfMachine } from "../output/warn.ts";
import { fail } from "./fail.ts";

export interface GenerateOptions extends GlobalOptions {
  /** The checkout, from which the images are built. */
  readonly root: string;
  /** Only compare; exit 1 when a file is missing or differs. */
  readonly check: boolean;
}

/** `ws generate [--check]`: writes the compose files beside config.yaml. */
export async function generate(context: WsContext, options: GenerateOptions): Promise<number> {
  const { configFile, root, check } = options;
  const settings = loadSettings(context, options);
  if (!settings.ok) return fail(context, settings.error);
  const places = { configFile, configFolder: dirname(configFile), root };
  const made = generateHere(settings.value, places);
  if (!made.ok) return fail(context, made.error);
  const report = await writeComposeFiles(made.value, places, { check });
  if (!report.ok) return fail(context, report.error);
  const { terminal } = context;
  const { written, unchanged, stale } = report.value;
  warnOfMachine(terminal, made.value.plan.warnings);
  for (const name of written) terminal.out(`✓ ${name} written\n`);
  for (const name of unchanged) terminal.out(`✓ ${name} is up to date\n`);
  for (const name of stale)
    terminal.out(`✗ ${name} does not fit config.yaml and this machine. → Run: ./ws generate\n`);
  return stale.length > 0 ? EXIT.notAllWell : EXIT.ok;
}
