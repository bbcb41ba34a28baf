import type { Command } from "commander";
import { clientVariables } from "../cluster/client.ts";
import { runningHead } from "../cluster/snapshot.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { open } from "../drivers/choose.ts";
import { EXIT } from "../failure.ts";
import { printJson } from "../output/terminal.ts";
import { JSON_OPTION, type Run } from "./command.ts";

export const addEnv = (program: Command, run: Run) =>
  program
    .command("env")
    .description('print what a shell needs to use the cluster: eval "$(./ws env)"')
    .option(...JSON_OPTION)
    .action(run(env));

async function env(context: WsContext, options: GlobalOptions & { readonly json?: true }) {
  const opened = await open(context, options, { tool: "engine" });
  if (!opened.ok) return opened.error;
  const { driver } = opened.value;
  const head = await runningHead(driver.until(context.signal));
  if (!head.ok) return head.error;
  const variables = clientVariables(driver, head.value);
  const { out } = context.terminal;
  if (options.json) printJson(out, variables);
  else out(renderEnv(variables));
  return EXIT.ok;
}

/** For a POSIX shell. What it had of another cluster is gone: Ray would take a token's value before its file. Pure. */
export const renderEnv = (variables: Readonly<Record<string, string>>): string =>
  [
    "unset RAY_AUTH_TOKEN RAY_AUTH_TOKEN_PATH",
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
    "",
  ].join("\n");

const quoted = (text: string): string =>
  /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
