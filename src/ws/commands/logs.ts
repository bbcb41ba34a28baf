import { styleText } from "node:util";
import { type Command, InvalidArgumentError } from "commander";
import { err, ok } from "../../common/result.ts";
import { linesOf, readReported } from "../cluster/history.ts";
import type { WsContext } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import { type Driver, servicesOf } from "../drivers/driver.ts";
import type { LogLine, LogRequest } from "../drivers/log-files.ts";
import { type Attempt, EXIT } from "../failure.ts";
import { oneLine } from "../output/terminal.ts";
import { onCluster, type Run, spanMs, wholeNumber } from "./command.ts";

export const addLogs = (program: Command, run: Run) =>
  program
    .command("logs")
    .description("show what the services wrote")
    .argument("[node...]", "only these")
    .option("-f, --follow", "go on until Ctrl-C")
    .option("-n, --tail <lines>", "only the last lines of each", wholeNumber)
    .option("--since <time>", "only what was written since then: 2026-01-31T12:00:00Z, or 10m ago", moment)
    .option("-t, --timestamps", "with the time in front of each line")
    .action(run(onCluster(showLogs)));

interface LogsOptions extends Partial<LogRequest> {
  readonly timestamps?: boolean;
}

/** A time, or how long ago it was: `1h30m`. Throws what Commander shows. */
function moment(text: string): Date {
  const span = spanMs(text);
  const time =
    span !== undefined ? Date.now() - span : /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(time)) return new Date(time);
  throw new InvalidArgumentError(
    `expected a time such as 2026-01-31T12:00:00Z, or 10m for ten minutes ago, got "${text}".`,
  );
}

const COLOURS = ["cyan", "yellow", "green", "magenta", "blue"] as const;

/** Each line with its service's name. Following ends with Ctrl-C and is no failure. `nodes`: none means all. */
export async function showLogs(
  { driver }: Opened,
  context: WsContext,
  options: LogsOptions,
  { args: nodes }: { readonly args: readonly string[] },
) {
  const request = { follow: false, tail: undefined, ...options };
  const seen: string[] = [];
  const read = await readLogs(driver, nodes, request, context.signal, (node, { time, text }) => {
    if (!seen.includes(node)) seen.push(node);
    const colour = COLOURS[seen.indexOf(node) % COLOURS.length] ?? "cyan";
    const when = options.timestamps ? `${time ?? "–"} ` : "";
    context.terminal.out(`${styleText(colour, `${node} |`)} ${when}${oneLine(text)}\n`);
  });
  if (!read.ok) return read.error;
  if (seen.length === 0)
    context.terminal.err(
      options.since === undefined
        ? "→ There are no logs yet.\n"
        : `→ Nothing was written since ${options.since.toISOString()}.\n`,
    );
  return EXIT.ok;
}

/**
 * Hands on the lines of the services' logs: one service after the other or, if they are followed, as they come. Of a node without
 * a log here, those that it sent to the health service.
 */
export async function readLogs(
  driver: Driver,
  nodes: readonly string[],
  request: LogRequest,
  signal: AbortSignal,
  onLine: (node: string, line: LogLine) => void,
): Attempt {
  const asked = driver.until(signal);
  const found = await asked.list();
  if (!found.ok) return found;
  const named = (["main", "test"] as const).flatMap((part) => servicesOf(driver.settings, part));
  const known = [...new Set([...named, ...found.value.map(({ name }) => name)])];
  const strangers = nodes.filter((node) => !known.includes(node));
  const reported = await Promise.all(strangers.map((node) => linesOf(asked, node)));
  const unknown = strangers.find((_, i) => reported[i] === undefined);
  if (unknown !== undefined && driver.cluster) return err({ reason: "log-elsewhere", node: unknown });
  if (unknown !== undefined) return err({ reason: "no-such-node", node: unknown, known });
  const reading = (nodes.length === 0 ? known : nodes).map((node) => async () => {
    const service = found.value.find(({ name }) => name === node);
    const own = known.includes(node) ? asked.readLog(node, service, request, signal) : undefined;
    for await (const line of own ?? readReported(asked, node, request, signal)) onLine(node, line);
  });
  if (request.follow) await Promise.all(reading.map((read) => read()));
  else for (const read of reading) await read();
  return ok(undefined);
}
