import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Command } from "commander";
import { dashboardUrl, runningHead } from "../cluster/snapshot.ts";
import { RAY_TOKEN, tokensFolder } from "../config/tokens.ts";
import type { WsContext } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import { runProgram } from "../drivers/run-program.ts";
import { EXIT } from "../failure.ts";
import { onCluster, type Run } from "./command.ts";

export const addOpen = (program: Command, run: Run) =>
  program
    .command("open")
    .description("open Ray's dashboard in a browser, or print its address, and the token that it asks for")
    .action(run(onCluster(openDashboard)));

async function openDashboard({ driver }: Opened, { terminal, env, signal, interactive }: WsContext) {
  const head = await runningHead(driver.until(signal));
  if (!head.ok) return head.error;
  const url = dashboardUrl(driver, head.value);
  terminal.out(`${url}\n`);
  if (driver.settings.auth === "on") {
    const file = join(tokensFolder(driver), RAY_TOKEN);
    // On a terminal alone: what is written elsewhere is kept, and read by others.
    terminal.out(`→ The token that it asks for: ${interactive ? driver.token : `see ${file}`}\n`);
  }
  const browser = interactive ? browserOf(env) : undefined;
  if (browser !== undefined) await runProgram([browser, url], { env, signal, timeoutMs: 10_000 });
  return EXIT.ok;
}

/** The program that opens an address as the desktop wants it; undefined where there is no desktop. */
function browserOf(env: WsContext["env"]): string | undefined {
  if (process.platform === "darwin") return "/usr/bin/open";
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY) return undefined;
  const places = (env.PATH ?? "").split(delimiter).map((folder) => join(folder, "xdg-open"));
  return places.find((file) => existsSync(file));
}
