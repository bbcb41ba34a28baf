import type { Command } from "commander";
import { ownTlsVariables } from "../../gcs/tls.ts";
import { dashboardUrl, runningHead, shownHost } from "../cluster/snapshot.ts";
import type { NodeSettings } from "../config/settings.ts";
import { rayAuth, tokensFolder } from "../config/tokens.ts";
import type { WsContext } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import { EXIT } from "../failure.ts";
import { printJson, quoted } from "../output/terminal.ts";
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
  // Where config.yaml sets RAY_USE_TLS, the keys are its own.
  const isOwnTls = driver.tls === undefined && (await driver.cluster?.())?.tls !== undefined;
  const variables = {
    ...clientVariables(driver, head.value),
    ...(isOwnTls ? ownTlsVariables(tokensFolder(driver)) : {}),
  };
  if (json) printJson(out, variables);
  else out(renderEnv(variables));
  return EXIT.ok;
}

/** What a program of the user's needs to reach that HEAD (Ray's own variables, 2.40 to 2.60). */
const clientVariables = (driver: Driver, head: NodeSettings): Readonly<Record<string, string>> => ({
  RAY_ADDRESS: `ray://${shownHost(driver.hostOf(head))}:${head.clientPort}`,
  RAY_API_SERVER_ADDRESS: dashboardUrl(driver, head),
  ...rayAuth(driver.settings.auth, tokensFolder(driver)),
});

/** For a POSIX shell. What it had of another cluster is gone: Ray would take a token's value before its file. Pure. */
export const renderEnv = (variables: Readonly<Record<string, string>>): string =>
  [
    "unset RAY_AUTH_TOKEN RAY_AUTH_TOKEN_PATH",
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
    "",
  ].join("\n");
