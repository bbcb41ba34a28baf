import { dirname } from "node:path";
import { renderWarnings } from "../../common/render-failure.ts";
import { ok, type Result } from "../../common/result.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { WsFailure } from "../failure.ts";
import type { RuntimeName } from "./runtime.ts";
import { chooseSecrets, readGiven, readKept, withSecrets } from "./secrets.ts";

/**
 * The shell's environment with the secrets of this cluster: those that it was started with, otherwise those that are
 * given. `running` is called when secrets are chosen for a start.
 */
export async function environment(
  { env, terminal }: Pick<WsContext, "env" | "terminal">,
  { stateDir, configFile }: Pick<GlobalOptions, "stateDir" | "configFile">,
  runtime: RuntimeName,
  running?: () => Promise<boolean>,
): Promise<Result<WsContext["env"], WsFailure>> {
  const kept = readKept(stateDir, runtime);
  if (kept !== undefined && running === undefined) return ok(withSecrets(env, kept));
  const given = readGiven(env, dirname(configFile));
  if (!given.ok) return given;
  if (running === undefined) return ok(withSecrets(env, given.value));
  const chosen = chooseSecrets({ kept, given: given.value, running: await running() });
  if (chosen.warnings.length > 0)
    terminal.err(`${renderWarnings("The cluster's secrets stay as they are", chosen.warnings).join("\n")}\n`);
  return ok(withSecrets(env, chosen.secrets));
}
