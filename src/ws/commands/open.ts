import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Command } from "commander";
import { dashboardUrl, healthAnswers, healthUrl, runningHead } from "../cluster/snapshot.ts";
import { RAY_TOKEN, tokensFolder } from "../config/tokens.ts";
import type { WsContext } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import { EXIT } from "../failure.ts";
import { onCluster, type Run } from "./command.ts";

export const addOpen = (program: Command, run: Run) =>
  program
    .command("open")
    .description("open the cluster's page in a browser, and print where Ray's dashboard is")
    .action(run(onCluster(openPage)));

/** Its container has the membership, and goes with ws down. */
const NODE_AWAY = {
  reason: "not-running",
  what: "The node of this machine, which knows how the cluster is reached, is not there",
  fix: "Start it: ws up. To see what it waits for: ws ps, ws logs.",
} as const;

/** The page needs no HEAD; where no service of ours shows it, the dashboard. That of several machines is shown from here until Ctrl-C. */
async function openPage({ driver }: Opened, context: WsContext) {
  const { terminal, env, signal, interactive } = context;
  const cluster = await driver.cluster?.();
  if (driver.cluster !== undefined && cluster === undefined) return NODE_AWAY;
  const { servePage } = await import("../machine/page-proxy.ts");
  const page = cluster ? (await servePage(cluster.access, signal)).url : await servicePage(driver);
  const head = await runningHead(driver.until(signal));
  const dashboard = head.ok ? dashboardUrl(driver, head.value) : undefined;
  const url = page ?? dashboard;
  if (url === undefined) return head.ok ? EXIT.ok : head.error;
  terminal.out(`${url}\n`);
  if (page !== undefined)
    terminal.out(`→ Ray's dashboard: ${dashboard ?? "it needs a HEAD, and none answers"}\n`);
  if (dashboard !== undefined) terminal.out(tokenLine(driver, interactive));
  const browser = interactive ? browserOf(env) : undefined;
  if (browser !== undefined) show(browser, url, env);
  if (cluster === undefined) return EXIT.ok;
  terminal.err("→ This page is served from here, to one browser: Ctrl-C ends it\n");
  if (!signal.aborted) await once(signal, "abort");
  return EXIT.ok;
}

/** What the dashboard asks for: on a terminal alone, as what is written elsewhere is kept, and read by others. */
function tokenLine(driver: Driver, interactive: boolean): string {
  if (driver.settings.auth !== "on") return "";
  const file = join(tokensFolder(driver), RAY_TOKEN);
  return `→ The token that it asks for: ${interactive ? driver.token : `see ${file}`}\n`;
}

const servicePage = async (driver: Driver): Promise<string | undefined> =>
  (await healthAnswers(driver)).ok ? `${healthUrl(driver)}/` : undefined;

/** Waits for nothing: where there is no desktop environment xdg-open is the browser itself, which lives on. */
const show = (browser: string, url: string, env: WsContext["env"]): void =>
  spawn(browser, [url], { env, detached: true, stdio: "ignore" })
    .on("error", () => {})
    .unref();

/** The program that opens an address as the desktop wants it; undefined where there is no desktop. */
function browserOf(env: WsContext["env"]): string | undefined {
  if (process.platform === "darwin") return "/usr/bin/open";
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY) return undefined;
  const places = (env.PATH ?? "").split(delimiter).map((folder) => join(folder, "xdg-open"));
  return places.find((file) => existsSync(file));
}
