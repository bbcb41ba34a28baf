import type { Command } from "commander";
import { type GlobalOptions, type WsContext, withJob } from "../../context.ts";
import type { Opened } from "../../drivers/choose.ts";
import { EXIT, interrupted } from "../../failure.ts";
import { promote, readStanding } from "../../machine/service.ts";
import { agrees, onMember, type Run } from "../command.ts";

export const addPromote = (program: Command, run: Run) =>
  program
    .command("promote")
    .description(
      "make the health service of this candidate the one that decides, where the one before is lost",
    )
    .option("-y, --yes", "without asking")
    .action(run(onMember(takeOver)));

async function takeOver(
  _: Opened,
  context: WsContext,
  { stateDir, yes }: GlobalOptions & { readonly yes?: true },
) {
  const standing = await readStanding(stateDir);
  if (!standing.ok) return standing.error;
  const { terminal, signal } = context;
  if (standing.value.decides) {
    terminal.out("✓ The health service of this machine decides already; nothing was changed\n");
    return EXIT.ok;
  }
  terminal.err(`→ ${costOf(standing.value.copiedAgo)}\n`);
  const agreed = yes || (await agrees(context));
  if (signal.aborted) return interrupted(signal);
  if (!agreed) return { reason: "not-promoted" } as const;
  const done = await withJob(context, async ({ progress }) => {
    progress.begin("promote", "Taking over");
    const made = await promote(stateDir);
    if (made.ok) progress.done("promote", "This machine's health service decides");
    return made;
  });
  if (!done.ok) return done.error;
  terminal.out("✓ The members follow this machine's health service within seconds\n");
  if (!done.value.complete)
    terminal.out(
      "→ The one before did not answer: a machine that joined in its last seconds has to join again\n",
    );
  return EXIT.ok;
}

/** What is lost. `copiedAgo`: seconds since this service copied from the one that decides. Pure. */
export const costOf = (copiedAgo: number | null): string =>
  copiedAgo === null
    ? "This service has copied nothing since it started: what changed since it ended is lost"
    : `Lost are the joins and removals of the last ${Math.ceil(copiedAgo)} s; if the HEAD is lost too, the next candidate leads a new cluster, without the jobs and actors of this one`;
