import { type Command, InvalidArgumentError, Option } from "commander";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { WsFailure } from "../failure.ts";

/** What a command does: its exit code, or why it failed. `Options`: as Commander reads them. */
type Work<Options> = (
  context: WsContext,
  options: GlobalOptions & Options,
  command: Command,
) => Promise<number | WsFailure>;

/** Makes an action of Commander's of it. */
export type Run = <Options>(work: Work<Options>) => (options: Options, command: Command) => Promise<void>;

/** Digits of the command line. Throws what Commander shows. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError(`expected a whole number, got "${text}".`);
  return Number(text);
}

/** In seconds on the command line, in milliseconds for the commands. */
export const timeoutOption = () =>
  new Option("--timeout <seconds>", "how long the nodes may take to become ALIVE")
    .argParser((text) => wholeNumber(text) * 1000)
    .default(180_000, "180");

export const JSON_OPTION = ["--json", "as JSON (docs/ws.md)"] as const;
