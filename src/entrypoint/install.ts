import type { Failure } from "../common/failure.ts";
import type { Event } from "./event.ts";
import type { Command } from "./plan.ts";
import { launch } from "./ray-process.ts";
import { aborted } from "./stop-request.ts";

export interface InstallWorld {
  readonly stop: AbortSignal;
  readonly log: (event: Event) => void;
}

/** How long what pip started may take to die of SIGKILL. */
const CLEAR_TIMEOUT_MS = 5000;

/** Runs each install command (plan.ts) after the one before it. Null when all went well. */
export async function install(
  commands: readonly Command[],
  { stop, log }: InstallWorld,
): Promise<{ kind: "failed"; failure: Failure } | { kind: "stopped" } | null> {
  for (const command of commands) {
    const file = command.args.at(-1) ?? "";
    log({ type: "installing", file });
    const pip = await launch(command, log);
    if (!pip.ok) return { kind: "failed", failure: pip.error };
    const over = new AbortController();
    const exit = await Promise.race([pip.value.exited, aborted(stop, over.signal)]);
    over.abort();
    await pip.value.clear(CLEAR_TIMEOUT_MS);
    if (exit === undefined) return { kind: "stopped" };
    if (exit.code !== 0)
      return { kind: "failed", failure: { reason: "pip-failed", file, exitCode: exit.code ?? 1 } };
  }
  return null;
}
