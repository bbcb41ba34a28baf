import type { Command } from "commander";
import { ok } from "../../../common/result.ts";
import { locked, takeDown } from "../../cluster/down.ts";
import { type WsContext, withJob } from "../../context.ts";
import type { Opened } from "../../drivers/choose.ts";
import type { Driver } from "../../drivers/driver.ts";
import { type Attempt, EXIT } from "../../failure.ts";
import { readMembers, readStanding, whyUntold } from "../../machine/service.ts";
import type { Job } from "../../output/progress.ts";
import { forgetMachine, type Machine } from "../../state/machine.ts";
import { onMember, type Run } from "../command.ts";

export const addLeave = (program: Command, run: Run) =>
  program
    .command("leave")
    .description("end this machine's membership: its tasks finish, and nothing of it stays here")
    .option("--force", "also where other members need the health service of this machine")
    .action(run(onMember(leave)));

async function leave(
  { driver, machine }: Opened & { readonly machine: Machine },
  context: WsContext,
  { force }: { readonly force?: true },
) {
  const { terminal } = context;
  const others = machine.advertise === undefined || force ? ok([]) : await othersOf(driver, machine);
  if (!others.ok) return others.error;
  if (others.value.length > 0) return { reason: "others-need-it", others: others.value } as const;
  const left = await withJob(context, (job) => locked(driver, job, () => end(driver, machine, job)));
  if (!left.ok) return left.error;
  terminal.out(`✓ ${machine.name} has left the cluster; nothing of it stays here but its image\n`);
  const { untold: why } = left.value;
  return why === undefined ? EXIT.ok : ({ reason: "name-stays", name: machine.name, why } as const);
}

/** None where another service decides. */
async function othersOf({ stateDir }: Driver, { name }: Machine): Attempt<string[]> {
  const standing = await readStanding(stateDir);
  if (!standing.ok) return standing;
  if (!standing.value.decides) return ok([]);
  const known = await readMembers(stateDir);
  return known.ok ? ok(known.value.members.map((each) => each.name).filter((each) => each !== name)) : known;
}

/** First the node, while its health service still answers. `untold`: why that does not know of it. */
async function end(
  driver: Driver,
  { name }: Machine,
  { progress, signal }: Job,
): Attempt<{ readonly untold: string | undefined }> {
  const cluster = await driver.cluster?.({ isDown: true });
  progress.begin("leave", `Ending the membership of ${name}`);
  const drained = await takeDown(driver, { names: [name] }, signal, { progress, id: "leave" });
  if (!drained.ok) return drained;
  const told = await cluster?.ask("DELETE", `/v1/members/${name}`);
  const gone = await takeDown(driver, { volumes: true }, signal, { progress, id: "leave" });
  if (!gone.ok) return gone;
  forgetMachine(driver.stateDir);
  progress.done("leave", `Ended the membership of ${name}`);
  return ok({ untold: told ? whyUntold(told) : NODE_AWAY });
}

const NODE_AWAY =
  "its credential is lost: the volume of its node, or the image by which it is read, is not there";
