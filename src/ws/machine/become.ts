import { ok } from "../../common/result.ts";
import { upCluster } from "../cluster/up.ts";
import { loadSettings } from "../config/load.ts";
import { type GlobalOptions, type WsContext, withJob } from "../context.ts";
import { openMember } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import type { Attempt } from "../failure.ts";
import { warnOfMachine } from "../output/terminal.ts";
import { forgetMachine, type Machine, writeMachine } from "../state/machine.ts";
import { preflight } from "./preflight.ts";

/**
 * Makes this machine's part in a cluster of several, starts it, and waits until its node is ALIVE. Nothing of it is left where
 * that fails. `token`: empty where the health service that starts here makes it.
 */
export async function becomeMember(
  context: WsContext,
  options: GlobalOptions & { readonly timeout: number },
  machine: Machine,
  token: string,
): Attempt<Driver> {
  const { stateDir, timeout } = options;
  const settings = loadSettings(context, options);
  if (!settings.ok) return settings;
  const opened = await openMember(context, options, settings.value, machine, "compose");
  if (!opened.ok) return opened;
  const fit = await preflight(machine, stateDir);
  if (!fit.ok) return fit;
  const { driver } = opened.value;
  let became = false;
  try {
    writeMachine(stateDir, machine, token);
    const up = await withJob(
      context,
      (job) => upCluster(driver, job, { build: false, agree: async () => ok(undefined), begin: () => {} }),
      timeout,
    );
    if (!up.ok) return up;
    warnOfMachine(context.terminal, up.value.warnings);
    became = true;
    return ok(driver);
  } finally {
    const undoing = () => undo(driver, machine, stateDir);
    if (!became) await (context.cleaning?.(undoing) ?? undoing());
  }
}

/** Gives a membership back, if there was one, and removes all that was made. */
async function undo(driver: Driver, { name }: Machine, stateDir: string): Promise<void> {
  await (await driver.cluster?.())?.ask("DELETE", `/v1/members/${name}`);
  await driver.remove({ volumes: true });
  forgetMachine(stateDir);
}
