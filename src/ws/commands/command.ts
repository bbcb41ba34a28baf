import { type Command, InvalidArgumentError, Option } from "commander";
import type { GlobalOptions, WsContext } from "../context.ts";
import { type Opened, open } from "../drivers/choose.ts";
import type { WsFailure } from "../failure.ts";
import type { Machine } from "../state/machine.ts";

/** What a command does: its exit code, or why it failed. `Options`: as Commander reads them; `args`: its arguments. */
export type Work<Options> = (
  context: WsContext,
  options: GlobalOptions & Options,
  command: Pick<Command, "args" | "error">,
) => Promise<number | WsFailure>;

/** Makes an action of Commander's of it. */
export type Run = <Options>(work: Work<Options>) => (...given: unknown[]) => Promise<void>;

/** The same for a command that works on the cluster of config.yaml, and needs no compose for it. */
export const onCluster =
  <Options>(
    work: (opened: Opened, ...given: Parameters<Work<Options>>) => ReturnType<Work<Options>>,
  ): Work<Options> =>
  async (context, options, command) => {
    const opened = await open(context, options, { tool: "engine" });
    return opened.ok ? work(opened.value, context, options, command) : opened.error;
  };

/** The same on a machine that is a member of a cluster of several. */
export const onMember = <Options>(
  work: (
    opened: Opened & { readonly machine: Machine },
    ...given: Parameters<Work<Options>>
  ) => ReturnType<Work<Options>>,
): Work<Options> =>
  onCluster<Options>(async (opened, ...given) => {
    const { machine } = opened.driver.settings;
    return machine ? work({ ...opened, machine }, ...given) : { reason: "no-member" };
  });

/** Asks whether to go on. No answer, and no terminal, is a no. */
export const agrees = async ({ ask }: Pick<WsContext, "ask">): Promise<boolean> =>
  /^y(?:es)?$/i.test((await ask?.("Go on? [y/N] "))?.trim() ?? "");

export type JsonOption = { readonly json?: true };

/** Digits of the command line. Throws what Commander shows. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError(`expected a whole number, got "${text}".`);
  return Number(text);
}

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const;

/** `1h30m` in milliseconds; undefined where it is no such time. Pure. */
export function spanMs(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d{1,9})([dhms])/g)];
  if (parts.length === 0 || parts.map(([all]) => all).join("") !== text) return undefined;
  return parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS],
    0,
  );
}

/** In seconds on the command line, in milliseconds for the commands. */
export const timeoutOption = () =>
  new Option("--timeout <seconds>", "how long the nodes may take to become ALIVE")
    .argParser((text) => wholeNumber(text) * 1000)
    .default(180_000, "180");

export const JSON_OPTION = ["--json", "as JSON (docs/ws.md)"] as const;
