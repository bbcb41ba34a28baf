import { join } from "node:path";
import { replaceFile } from "../../common/files.ts";
import type { JoinToken } from "../../common/protocol/join-token.ts";
import { err, ok } from "../../common/result.ts";
import { upCluster } from "../cluster/up.ts";
import { TLS_PORT } from "../compose/machine.ts";
import { containerName } from "../compose/names.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { RAY_TOKEN } from "../config/tokens.ts";
import { type GlobalOptions, type WsContext, withJob } from "../context.ts";
import { type MemberOpened, openMember } from "../drivers/choose.ts";
import { dockerRunner, isRemote } from "../drivers/compose/engine.ts";
import type { Driver } from "../drivers/driver.ts";
import type { Attempt } from "../failure.ts";
import type { Job } from "../output/progress.ts";
import { warn, warnOfMachine } from "../output/terminal.ts";
import { lastUp } from "../state/last-up.ts";
import {
  forgetMachine,
  giveMembership,
  type Machine,
  machineSecrets,
  writeMachine,
} from "../state/machine.ts";
import { lookForMember } from "./look.ts";
import { membershipText, parseMembership } from "./membership.ts";
import { judgeMachine } from "./preflight.ts";
import { lookHere, memberSettings } from "./settings.ts";

/**
 * Makes this machine's part in a cluster of several, starts it, and waits until its node is ALIVE. Nothing of it is left where
 * that fails. `joining`: left out where the health service that starts here makes the token.
 */
export async function becomeMember(
  context: WsContext,
  options: GlobalOptions & { readonly timeout: number },
  machine: Machine,
  joining?: { readonly word: string; readonly token: JoinToken },
): Attempt {
  const { stateDir, timeout } = options;
  if (lastUp(stateDir) !== undefined) return err(ALONE);
  const settings = loadSettings(context, options);
  if (!settings.ok) return settings;
  const part = memberSettings(settings.value, machine, lookHere(stateDir));
  const [opened, facts] = await Promise.all([
    openMember(context, options, settings.value, machine, "compose"),
    lookForMember(dockerRunner(context.env), part, joining?.token),
  ]);
  if (!opened.ok) return opened;
  const { driver, engine } = opened.value;
  const elsewhere = isRemote(engine) ? engine.host : undefined;
  const { problems, warnings } = judgeMachine({ ...facts, elsewhere }, machine);
  if (problems.length > 0) return err({ reason: "machine-not-ready", problems });
  warn(context.terminal, "What you should know of this machine", warnings);
  let became = false;
  try {
    writeMachine(stateDir, machine, joining?.word ?? "");
    const up = await bringUp(context, driver, timeout);
    if (!up.ok) return up;
    // For programs of this user's: ws env names the file.
    const rayToken = (await driver.cluster?.())?.token ?? "";
    replaceFile(join(machineSecrets(stateDir), RAY_TOKEN), rayToken, 0o600);
    const served = machine.candidate
      ? await addService(context, options, machine, settings.value, opened.value)
      : up;
    became = served.ok;
    return served;
  } finally {
    const undoing = () => undo(driver, machine, stateDir);
    if (!became) await (context.cleaning?.(undoing) ?? undoing());
  }
}

async function bringUp(context: WsContext, driver: Driver, timeoutMs: number): Attempt {
  const work = (job: Job) =>
    upCluster(driver, job, { build: false, agree: async () => ok(undefined), begin: () => {} });
  const up = await withJob(context, work, timeoutMs);
  if (!up.ok) return up;
  warnOfMachine(context.terminal, up.value.warnings);
  return ok(undefined);
}

/** A candidate keeps a health service, which stands by while another one decides. */
async function addService(
  context: WsContext,
  options: GlobalOptions & { readonly timeout: number },
  machine: Machine,
  settings: Settings,
  { engine, settings: member }: MemberOpened,
): Attempt {
  const { stateDir, timeout } = options;
  const text = await membershipText(engine, containerName(member, machine.name));
  const address = parseMembership(text)?.address;
  if (address === undefined) return err({ reason: "no-member" });
  const serving = { ...machine, advertise: machine.advertise ?? `${address}:${TLS_PORT}` };
  writeMachine(stateDir, serving);
  giveMembership(stateDir, text);
  if (machine.advertise !== undefined) return ok(undefined);
  const again = await openMember(context, options, settings, serving, "compose");
  return again.ok ? bringUp(context, again.value.driver, timeout) : again;
}

const ALONE = {
  reason: "other-cluster",
  what: "a cluster of its own (ws up)",
  fix: "Take it down first: ws down. Its state stays.",
} as const;

/** Gives a membership back, if there was one, and removes all that was made. */
async function undo(driver: Driver, { name }: Machine, stateDir: string): Promise<void> {
  await (await driver.cluster?.())?.ask("DELETE", `/v1/members/${name}`);
  await driver.remove({ volumes: true });
  forgetMachine(stateDir, "logs");
}
