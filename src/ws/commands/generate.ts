import type { Command } from "commander";
import { planHere, writeComposeFiles } from "../compose/write-files.ts";
import { loadSettings } from "../config/load.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { EXIT } from "../failure.ts";
import { warnOfMachine } from "../output/terminal.ts";
import { accessTo, keepSecrets } from "../state/secrets.ts";
import type { Run } from "./command.ts";

export const addGenerate = (program: Command, run: Run) =>
  program
    .command("generate")
    .description("write compose.yaml and cluster-test.compose.yaml beside config.yaml")
    .option("--check", "only compare; exit 1 when one of them is missing or differs")
    .action(run(generate));

async function generate(context: WsContext, options: GlobalOptions & { readonly check?: true }) {
  const { check = false } = options;
  const settings = loadSettings(context, options);
  if (!settings.ok) return settings.error;
  const plan = planHere(settings.value, options);
  if (!plan.ok) return plan.error;
  const report = await writeComposeFiles(plan.value, options.configFolder, { check });
  if (!report.ok) return report.error;
  if (!check) {
    // So that `docker compose up`, typed by hand, finds the files that compose.yaml mounts.
    const access = await accessTo(context, options, settings.value, "docker", () => true);
    if (!access.ok) return access.error;
    keepSecrets(options.stateDir, "docker", access.value.secrets);
  }
  const { terminal } = context;
  const { written, unchanged, stale } = report.value;
  warnOfMachine(terminal, plan.value.warnings);
  for (const name of written) terminal.out(`✓ ${name} written\n`);
  for (const name of unchanged) terminal.out(`✓ ${name} is up to date\n`);
  for (const name of stale)
    terminal.out(`✗ ${name} does not fit config.yaml and this machine. → Run: ./ws generate\n`);
  return stale.length > 0 ? EXIT.notAllWell : EXIT.ok;
}
