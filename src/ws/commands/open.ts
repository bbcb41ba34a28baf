import { once } from "node:events";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Command } from "commander";
import { dashboardUrl, healthUrl, runningHead } from "../cluster/snapshot.ts";
import { RAY_TOKEN, tokensFolder } from "../config/tokens.ts";
import type { WsContext } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import { runProgram } from "../drivers/run-program.ts";
import { EXIT } from "../failure.ts";
import { servePage } from "../machine/page-proxy.ts";
import { onCluster, type Run } from "./command.ts";

export const addOpen = (program: Command, run: Run) =>
  program
    .command("open")
    .description("open the cluster's page in a browser, and print where Ray's dashboard is")
    .action(run(onCluster(openPage)));

/** The page needs no HEAD. That of a cluster of several machines is shown from here until Ctrl-C. */
async function openPage({ driver }: Opened, context: WsContext) {
  const { terminal, env, signal, interactive } = context;
  const cluster = await driver.cluster?.();
  if (driver.cluster !== undefined && cluster === undefined) return { reason: "no-member" } as const;
  const url = cluster ? (await servePage(cluster.access, signal)).url : `${healthUrl(driver)}/`;
  terminal.out(`${url}\n`);
  for (const line of await dashboardLines(driver, context)) terminal.out(`→ ${line}\n`);
  const browser = interactive ? browserOf(env) : undefined;
  if (browser !== undefined) await runProgram([browser, url], { env, signal, timeoutMs: 10_000 });
  if (cluster === undefined) return EXIT.ok;
  terminal.err("→ This page is served from here, to one browser: Ctrl-C ends it\n");
  if (!signal.aborted) await once(signal, "abort");
  return EXIT.ok;
}

async function dashboardLines(driver: Driver, { signal, interactive }: WsContext): Promise<string[]> {
  const head = await runningHead(driver.until(signal));
  if (!head.ok) return ["Ray's dashboard needs a HEAD, and none answers: ws ps"];
  const dashboard = `Ray's dashboard: ${dashboardUrl(driver, head.value)}`;
  if (driver.settings.auth !== "on") return [dashboard];
  const file = join(tokensFolder(driver), RAY_TOKEN);
  // On a terminal alone: what is written elsewhere is kept, and read by others.
  return [dashboard, `The token that it asks for: ${interactive ? driver.token : `see ${file}`}`];
}

/** The program that opens an address as the desktop wants it; undefined where there is no desktop. */
function browserOf(env: WsContext["env"]): string | undefined {
  if (process.platform === "darwin") return "/usr/bin/open";
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY) return undefined;
  const places = (env.PATH ?? "").split(delimiter).map((folder) => join(folder, "xdg-open"));
  return places.find((file) => existsSync(file));
}
