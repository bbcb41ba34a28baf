import { join } from "node:path";
import type { JoinToken } from "../../common/protocol/join-token.ts";
import { err, ok } from "../../common/result.ts";
import { upCluster } from "../cluster/up.ts";
import { TLS_PORT } from "../compose/machine.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { type GlobalOptions, type WsContext, withJob } from "../context.ts";
import { type MemberOpened, openMember } from "../drivers/choose.ts";
import { dockerRunner, isRemote } from "../drivers/compose/engine.ts";
import type { Driver } from "../drivers/driver.ts";
import { type Attempt, describeFailure } from "../failure.ts";
import type { Job } from "../output/progress.ts";
import { printLines, warn, warnOfMachine } from "../output/terminal.ts";
import { lastUp } from "../state/last-up.ts";
import { withLock } from "../state/lock.ts";
import {
  emptyJoinToken,
  forgetMachine,
  giveMembership,
  logsOf,
  type Machine,
  partsOf,
  readMachine,
  writeMachine,
} from "../state/machine.ts";
import { warnOfImages } from "./base.ts";
import { leftOver } from "./left-over.ts";
import { lookForMember } from "./look.ts";
import { keepForUser } from "./membership.ts";
import { judgeMachine } from "./preflight.ts";
import { whyUntold } from "./service.ts";
import { lookHere, memberSettings } from "./settings.ts";

type Options = GlobalOptions & { readonly timeout: number };

/** `ws init` and `ws join`, one at a time on a machine. `there`: its part in a cluster, which it may have by now. */
export const oneAtATime = <T>(
  { terminal, signal }: WsContext,
  { stateDir }: Pick<Options, "stateDir">,
  work: (there: Machine | undefined) => Attempt<T>,
): Attempt<T> => {
  const progress = { begin: (_: string, text: string) => terminal.err(`→ ${text}\n`) };
  return withLock(join(stateDir, "member.lock"), { progress, signal }, async () => {
    const there = readMachine(stateDir);
    return there.ok ? work(there.value) : there;
  });
};

/**
 * Makes this machine's part in a cluster of several, starts it, and waits until its node is ALIVE. Nothing of it is left where
 * that fails. `joining`: left out where the health service that starts here makes the token.
 */
export async function becomeMember(
  context: WsContext,
  options: Options,
  machine: Machine,
  joining?: { readonly word: string; readonly token: JoinToken },
): Attempt {
  const { stateDir } = options;
  if (lastUp(stateDir) !== undefined) return err(ALONE);
  const settings = loadSettings(context, options);
  if (!settings.ok) return settings;
  const part = memberSettings(settings.value, machine, lookHere(stateDir));
  const docker = dockerRunner(context.env);
  const opening = openMember(context, options, settings.value, machine, "compose");
  const [opened, left, facts] = await Promise.all([
    opening,
    leftOver(docker, part, stateDir),
    lookForMember(
      docker,
      part,
      joining?.token,
      opening.then((member) => (member.ok ? member.value.info : undefined)),
    ),
  ]);
  if (!opened.ok) return opened;
  const { driver, engine } = opened.value;
  const elsewhere = isRemote(engine) ? engine.host : undefined;
  const { problems, warnings } = judgeMachine({ ...facts, elsewhere }, machine);
  if (problems.length > 0 || left.length > 0)
    return err({ reason: "machine-not-ready", problems: [...left, ...problems] });
  warn(context.terminal, "What you should know of this machine", warnings);
  const base = part.nodes[0]?.base.image;
  // In the carrier there is no config.yaml beside ws, which would show it.
  if (machine.image === undefined)
    context.terminal.err(`→ The node's image is made from ${base}; --image names another one\n`);
  const before = partsOf(stateDir);
  let became = false;
  try {
    writeMachine(stateDir, machine, joining?.word ?? "");
    const started = await startMember(context, options, machine, settings.value, opened.value);
    became = started.ok;
    return started;
  } finally {
    const undoing = () => undo(context, driver, machine, before);
    if (!became) await (context.cleaning?.(undoing) ?? undoing());
  }
}

async function startMember(
  context: WsContext,
  options: Options,
  machine: Machine,
  settings: Settings,
  { driver }: Pick<MemberOpened, "driver">,
): Attempt {
  const { stateDir, timeout } = options;
  const up = await bringUp(context, driver, timeout);
  if (!up.ok) return up;
  const membership = await driver.membership();
  if (membership === undefined) return err({ reason: "no-member" });
  emptyJoinToken(stateDir);
  keepForUser(stateDir, membership);
  await warnOfImages(context.terminal, driver);
  if (!machine.candidate) return ok(undefined);
  const { advertise = `${membership.address}:${TLS_PORT}` } = machine;
  const serving = { ...machine, advertise };
  writeMachine(stateDir, serving);
  giveMembership(stateDir, membership.text);
  if (machine.advertise !== undefined) return ok(undefined);
  // A candidate keeps a health service, which stands by while another one decides.
  const again = await openMember(context, options, settings, serving, "compose");
  return again.ok ? bringUp(context, again.value.driver, timeout) : again;
}

async function bringUp(context: WsContext, driver: Driver, timeoutMs: number): Attempt {
  const work = (job: Job) =>
    upCluster(driver, job, { build: false, agree: async () => ok(undefined), begin: () => {} });
  const up = await withJob(context, work, timeoutMs);
  if (!up.ok) return up;
  warnOfMachine(context.terminal, up.value.warnings);
  return ok(undefined);
}

const ALONE = {
  reason: "other-cluster",
  what: "a cluster of its own (ws up)",
  fix: "Take it down first: ws down. Its state stays.",
} as const;

/** Gives a membership back, if there was one, and removes all that this run made. `before`: what was there. */
async function undo(
  { terminal }: WsContext,
  driver: Driver,
  { name, advertise }: Machine,
  before: readonly string[],
): Promise<void> {
  const { stateDir } = driver;
  const answer = await (await driver.cluster?.())?.ask("DELETE", `/v1/members/${name}`);
  await driver.remove({ volumes: true });
  forgetMachine(stateDir, [...before, logsOf(stateDir)]);
  // The cluster of a first machine is taken down with it.
  const untold = advertise === undefined && answer ? whyUntold(answer) : undefined;
  if (untold !== undefined)
    printLines(terminal.err, describeFailure({ reason: "name-stays", name, why: untold }).lines);
}
