import { styleText } from "node:util";
import { readLogs } from "../cluster/logs.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { open } from "../drivers/choose.ts";
import type { LogRequest } from "../drivers/log-files.ts";
import { EXIT, fail } from "../failure.ts";
import { oneLine } from "../output/terminal.ts";

export interface LogsOptions extends GlobalOptions, LogRequest {
  /** With the time of each line. */
  readonly timestamps?: boolean;
}

const COLOURS = ["cyan", "yellow", "green", "magenta", "blue"] as const;

/** `ws logs`: what the services wrote, each line with its service's name. Following ends with Ctrl-C and is no failure. */
export async function logs(context: WsContext, options: LogsOptions): Promise<number> {
  const opened = await open(context, options, { tool: "engine" });
  if (!opened.ok) return fail(context, opened.error);
  const lines = await readLogs(opened.value.driver.until(context.signal), options, context.signal);
  if (!lines.ok) return fail(context, lines.error);
  const seen: string[] = [];
  for await (const { node, time, text } of lines.value) {
    if (!seen.includes(node)) seen.push(node);
    const colour = COLOURS[seen.indexOf(node) % COLOURS.length] ?? "cyan";
    const when = options.timestamps === true ? `${time ?? "–"} ` : "";
    context.terminal.out(`${styleText(colour, `${node} |`)} ${when}${oneLine(text)}\n`);
  }
  if (seen.length === 0) context.terminal.err("→ There are no logs yet.\n");
  return EXIT.ok;
}
