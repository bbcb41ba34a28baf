import { dirname } from "node:path";
import { ok, type Result } from "../../common/result.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { RuntimeName } from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import { warn } from "../output/terminal.ts";
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
  warn(terminal, "The cluster's secrets stay as they are", chosen.warnings);
  return ok(withSecrets(env, chosen.secrets));
}
