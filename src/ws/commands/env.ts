import type { Command } from "commander";
import { clientVariables } from "../cluster/client.ts";
import { runningHead } from "../cluster/snapshot.ts";
import type { WsContext } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import { EXIT } from "../failure.ts";
import { printJson } from "../output/terminal.ts";
import { JSON_OPTION, type JsonOption, onCluster, type Run } from "./command.ts";

export const addEnv = (program: Command, run: Run) =>
  program
    .command("env")
    .description('print what a shell needs to use the cluster: eval "$(./ws env)"')
    .option(...JSON_OPTION)
    .action(run(onCluster(env)));

async function env({ driver }: Opened, { signal, terminal: { out } }: WsContext, { json }: JsonOption) {
  const head = await runningHead(driver.until(signal));
  if (!head.ok) return head.error;
  const variables = clientVariables(driver, head.value);
  if (json) printJson(out, variables);
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
