import type { Deps } from "../../deps.ts";
import type { Outcome } from "../../election/elect.ts";
import { unlessAborted } from "../../stop-request.ts";
import type { Command } from "../command.ts";

/** How long what pip started may take to die of SIGKILL. */
const CLEAR_TIMEOUT_MS = 5000;

/** Runs each install command (command.ts) after the one before it. Null when all went well. */
export async function install(
  commands: readonly Command[],
  { ray, log }: Pick<Deps, "ray" | "log">,
  stop: AbortSignal,
): Promise<Exclude<Outcome, { kind: "role" }> | null> {
  for (const command of commands) {
    const file = command.args.at(-1) ?? "";
    log({ type: "installing", file });
    const pip = await ray.start(command);
    if (!pip.ok) return { kind: "failed", failure: pip.error };
    const exit = await unlessAborted(pip.value.exited, stop);
    await pip.value.clear(CLEAR_TIMEOUT_MS);
    if (exit === null) return { kind: "stopped" };
    if (exit.code !== 0)
      return { kind: "failed", failure: { reason: "pip-failed", file, exitCode: exit.code ?? 1 } };
  }
  return null;
}
