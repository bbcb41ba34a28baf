import type { Command } from "commander";
import { deadlineIn, pause } from "../../../common/deadline.ts";
import { gcsOf, healthView } from "../../cluster/snapshot.ts";
import { type WsContext, withJob } from "../../context.ts";
import type { Opened } from "../../drivers/choose.ts";
import type { Driver } from "../../drivers/driver.ts";
import { EXIT } from "../../failure.ts";
import { readMembers, removeMember } from "../../machine/service.ts";
import type { Job } from "../../output/progress.ts";
import { printLines } from "../../output/terminal.ts";
import { onMember, type Run } from "../command.ts";

export const addRemove = (program: Command, run: Run) =>
  program
    .command("remove")
    .description("end the membership of another machine, reachable or not; its name is free again")
    .argument("<name>", "as ws ps shows it")
    .option("--force", "also of the HEAD, with the tasks and the state of the cluster")
    .action(run(onMember(remove)));

/** A node that hears of it lets its tasks finish for so long (RAY_EP_STOP_GRACE). */
const DRAINED_IN_MS = 40_000;
const LOOK_EVERY_MS = 500;

async function remove(
  { driver }: Opened,
  context: WsContext,
  { force }: { readonly force?: true },
  { args: [name = ""] }: { readonly args: readonly string[] },
) {
  const { stateDir } = driver;
  const known = await readMembers(stateDir);
  if (!known.ok) return known.error;
  const names = known.value.members.map((each) => each.name);
  if (!names.includes(name)) return { reason: "no-such-node", node: name, known: names } as const;
  const holder = (await healthView(driver))?.holder;
  if (!force && holder?.node === name && holder.expiresIn > 0)
    return { reason: "leads-now", node: name } as const;
  const removed = await removeMember(stateDir, name);
  if (!removed.ok) return removed.error;
  const gone = await withJob(context, (job) => untilGone(driver, name, job), DRAINED_IN_MS);
  const { out } = context.terminal;
  out(`✓ ${name} is no member any more: its credential is worth nothing, and its name is free\n`);
  if (!gone) out(`→ ${name} has not ended its Ray yet: it is out of reach, or still at work\n`);
  const { candidate = false } = known.value.members.find((each) => each.name === name) ?? {};
  printLines(out, leftLines(name, { candidate, revoked: removed.value.revoked }));
  return EXIT.ok;
}

/** What a removed machine can do no more, and still can. Pure. */
export const leftLines = (
  name: string,
  { candidate, revoked }: { candidate: boolean; revoked: number },
): string[] => [
  ...(revoked > 0
    ? ["→ The join token by which it joined was revoked too; for other machines make a new one: ./ws token"]
    : []),
  `→ ${name} still knows ${candidate ? "Ray's token, and as a candidate the CA's key" : "Ray's token"}. If it is not trusted: ./ws token --rotate, which renews ${candidate ? "both" : "it"} and restarts Ray on each machine`,
];

/** Returns when the GCS lists no living node of that name, or false after the time that a node needs to end. */
async function untilGone(
  driver: Driver,
  name: string,
  { progress, signal, timeoutMs }: Job,
): Promise<boolean> {
  progress.begin("remove", `${name} may finish its tasks`);
  const deadline = deadlineIn(timeoutMs);
  for (;;) {
    const { view } = await gcsOf(driver);
    if (view?.nodes.every((node) => node.name !== name || !node.alive)) {
      progress.done("remove", `${name} is gone from Ray`);
      return true;
    }
    if (deadline.expired() || !(await pause(LOOK_EVERY_MS, signal))) return false;
  }
}
