import type { Command } from "commander";
import { type DownReport, downCluster } from "../cluster/down.ts";
import { secretsFolder } from "../config/tokens.ts";
import { type WsContext, withJob } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import type { Kept } from "../drivers/driver.ts";
import { type Attempt, EXIT } from "../failure.ts";
import type { Job } from "../output/progress.ts";
import { printJson, printLines } from "../output/terminal.ts";
import { forgetUp } from "../state/last-up.ts";
import { readKept } from "../state/secrets.ts";
import { JSON_OPTION, type JsonOption, onCluster, type Run } from "./command.ts";

export const addDown = (program: Command, run: Run) =>
  program
    .command("down")
    .description("stop everything, and say what stays and what removes it; twice is fine")
    .option(
      "-v, --volumes",
      "also remove logs, what the nodes and the health service remember, tokens, and named volumes (docker)",
    )
    .option("-y, --yes", "also what was started from another folder under the same project.name (docker)")
    .option(...JSON_OPTION)
    .action(run(onCluster(down)));

async function down(
  { driver }: Opened,
  context: WsContext,
  { volumes = false, yes: anyFolder = false, json }: JsonOption & { volumes?: boolean; yes?: boolean },
) {
  if (volumes && driver.settings.machine) return { reason: "member-stays" } as const;
  const report = await showStop(
    context,
    "Stopping the cluster",
    driver.settings.machine ? "This machine's part is down" : "The cluster is down",
    (job) => downCluster(driver, job, { volumes, anyFolder }),
  );
  if (!report.ok) return report.error;
  forgetUp(driver.stateDir, driver.name);
  const tokens = {
    what: `the tokens in ${secretsFolder(driver.stateDir, driver.name)}`,
    remove: "ws down -v",
  };
  const kept = [...(await driver.kept()), ...(readKept(driver.stateDir, driver.name) ? [tokens] : [])];
  const { out } = context.terminal;
  if (json) printJson(out, { ...report.value, kept });
  else printLines(out, renderKept(kept));
  return EXIT.ok;
}

const renderKept = (kept: readonly Kept[]): string[] =>
  kept.length === 0
    ? []
    : ["→ What stays, and what removes it:", ...kept.map(({ what, remove }) => `  ${what}: ${remove}`)];

/** Shows that services are being stopped, and in one line what was stopped. */
export const showStop = (
  context: WsContext,
  what: string,
  done: string,
  stop: (job: Job) => Attempt<DownReport>,
) =>
  withJob(context, async (job) => {
    job.progress.begin("down", what);
    const ended = await stop(job);
    if (ended.ok) job.progress.done("down", renderDown(ended.value, done));
    return ended;
  });

function renderDown({ stopped, killed }: DownReport, done: string): string {
  const force = killed === 0 ? "" : `; processes that had to be killed: ${killed}`;
  if (stopped.length === 0) return killed === 0 ? "Nothing was running" : `${done}${force}`;
  return `${done}: ${stopped.join(", ")}${force}`;
}
