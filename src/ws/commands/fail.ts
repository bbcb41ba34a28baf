import type { WsContext } from "../context.ts";
import { exitCodeOf } from "../exit-code.ts";
import type { WsFailure } from "../failure.ts";
import { oneLine } from "../output/one-line.ts";
import { renderFailure } from "../output/render-failure.ts";

/** Says why a command failed and returns its exit code. */
export function fail({ terminal }: Pick<WsContext, "terminal">, failure: WsFailure): number {
  terminal.err(`${renderFailure(failure).map(oneLine).join("\n")}\n`);
  return exitCodeOf(failure);
}
