import { type Problem, renderWarnings } from "../../common/failure.ts";
import { oneLine } from "./one-line.ts";
import type { Terminal } from "./terminal.ts";

/** Says what works all the same and may surprise; nothing where there is nothing. */
export function warn({ err }: Pick<Terminal, "err">, what: string, warnings: readonly Problem[]): void {
  if (warnings.length > 0) err(`${renderWarnings(what, warnings).map(oneLine).join("\n")}\n`);
}

/** The same of what config.yaml wants, for the commands that carry it out. */
export const warnOfMachine = (terminal: Pick<Terminal, "err">, warnings: readonly Problem[]): void =>
  warn(terminal, "Parts of config.yaml that this machine cannot provide in full", warnings);
