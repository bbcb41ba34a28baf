import { type Command, Option } from "commander";
import { UNKNOWN } from "../cluster/members.ts";
import { reportCluster } from "../cluster/status.ts";
import type { WsContext } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import { EXIT } from "../failure.ts";
import { readStanding } from "../machine/service.ts";
import { printJson, printLines } from "../output/terminal.ts";
import { JSON_OPTION, type JsonOption, onCluster, type Run } from "./command.ts";
import { costOf } from "./members/promote.ts";

export const addPs = (program: Command, run: Run) =>
  program
    .command("ps")
    .description("show the nodes as Ray sees them; exit 1 while one is missing")
    .addOption(new Option(...JSON_OPTION).conflicts("watch"))
    .option("-w, --watch", "go on until Ctrl-C; a line for each change where the output is no terminal")
    .action(run(onCluster(ps)));

async function ps(
  { driver, other }: Opened,
  context: WsContext,
  options: JsonOption & { readonly watch?: true },
) {
  if (options.watch) return (await import("./watch-ps.ts")).watchPs(driver, context);
  const [answer, second] = await Promise.all([reportCluster(driver.until(context.signal)), other()]);
  if (!answer.ok) return answer.error;
  const report = answer.value;
  const { out, err } = context.terminal;
  if (options.json) printJson(out, report);
  else out(`${(await import("../output/ps-table.ts")).renderPs(report)}\n`);
  if (second !== undefined)
    context.terminal.err(`→ A cluster of the ${second} runtime runs as well: ./ws --runtime ${second} ps\n`);
  if (report.silent !== undefined && report.removed === undefined)
    printLines(err, await renderSilent(driver, report.silent));
  const well = report.services.every(({ state }) => state === "ALIVE" || state === "up");
  return well ? EXIT.ok : EXIT.notAllWell;
}

/** What it means that the health service is silent, and what the way out costs where that is on this machine. */
async function renderSilent({ settings: { machine }, stateDir }: Driver, why: string): Promise<string[]> {
  if (why === UNKNOWN)
    return [
      "✗ The cluster's health service does not know this machine any more: it lost what it kept, or took over before it had heard of this join",
      "→ Join again: ./ws leave, then ./ws join TOKEN. What runs here runs on until then.",
    ];
  const standing = machine?.advertise === undefined ? undefined : await readStanding(stateDir);
  const cost = standing?.ok ? ` ${costOf(standing.value.copiedAgo)}.` : "";
  return [
    `✗ The cluster's health service does not answer (${why}): until it does nobody joins, and no other node becomes HEAD`,
    `→ If its machine is lost for good: ./ws promote, on a candidate.${cost}`,
  ];
}
