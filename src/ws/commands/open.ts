import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Command } from "commander";
import { headOf } from "../cluster/client.ts";
import { RAY_TOKEN, secretsFolder } from "../config/tokens.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { open } from "../drivers/choose.ts";
import { runProgram } from "../drivers/run-program.ts";
import { EXIT } from "../failure.ts";
import type { Run } from "./command.ts";

export const addOpen = (program: Command, run: Run) =>
  program
    .command("open")
    .description("open Ray's dashboard in a browser, or print its address, and the token that it asks for")
    .action(run(openDashboard));

async function openDashboard(context: WsContext, options: GlobalOptions) {
  const opened = await open(context, options, { tool: "engine" });
  if (!opened.ok) return opened.error;
  const { driver } = opened.value;
  const head = await headOf(driver.until(context.signal));
  if (!head.ok) return head.error;
  const { terminal, env, signal } = context;
  const { dashboardUrl } = head.value;
  terminal.out(`${dashboardUrl}\n`);
  if (driver.settings.auth === "on") {
    const file = join(secretsFolder(driver.stateDir, driver.name), RAY_TOKEN);
    // A terminal alone: what is written elsewhere is kept, and read by others.
    const shown = terminal.live === undefined ? `the text of ${file}` : driver.token;
    terminal.err(`→ The token that it asks for: ${shown}\n`);
  }
  const browser = terminal.live && browserOf(env);
  if (browser !== undefined) await runProgram([browser, dashboardUrl], { env, signal, timeoutMs: 10_000 });
  return EXIT.ok;
}

/** The program that opens an address as the desktop wants it; undefined where there is no desktop. */
function browserOf(env: WsContext["env"]): string | undefined {
  if (process.platform === "darwin") return "/usr/bin/open";
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY) return undefined;
  return (env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "xdg-open"))
    .find((file) => existsSync(file));
}
