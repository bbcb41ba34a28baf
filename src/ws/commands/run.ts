import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { formatAddress } from "../../common/address.ts";
import { pause } from "../../common/deadline.ts";
import { randomHex } from "../../common/digest.ts";
import { jobAt } from "../cluster/job.ts";
import { addressInside, runningHead } from "../cluster/snapshot.ts";
import type { NodeSettings } from "../config/settings.ts";
import type { WsContext } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import { runApart } from "../drivers/run-program.ts";
import { tooLarge } from "../drivers/working-folder.ts";
import { EXIT, interrupted, type WsFailure } from "../failure.ts";
import { printJson, printLines } from "../output/terminal.ts";
import { type JsonOption, onCluster, type Run } from "./command.ts";

export const addRun = (program: Command, run: Run) =>
  program
    .command("run")
    .description("submit a job to Ray, follow its log, and end with its exit code: ws run -- python job.py")
    .argument("<command...>", "what the job runs")
    .option("--working-dir <folder>", "the folder whose files the job gets (default: the current one)")
    .option("--no-wait", "end as soon as the job is submitted")
    .option("--json", "its id and final state as JSON; its log goes to stderr")
    .action(run(onCluster(runJob)));

interface RunOptions extends JsonOption {
  readonly workingDir?: string;
  readonly wait: boolean;
}

const NO_FOLDER = {
  message: "there is no such folder",
  fix: "Name the folder of the job with --working-dir.",
};

async function runJob(
  { driver }: Opened,
  context: WsContext,
  options: RunOptions,
  { args: entrypoint }: Pick<Command, "args">,
) {
  const folder = resolve(options.workingDir ?? ".");
  if (!existsSync(folder)) return { reason: "io-failed", path: folder, ...NO_FOLDER } as const;
  const head = await runningHead(driver.until(context.signal));
  if (!head.ok) return head.error;
  warnOfSize(context, folder);
  const id = `ws-${randomHex(8)}`;
  const how = [`--log-color=${context.interactive}`, ...(options.wait ? [] : ["--no-wait"])];
  const words = submission(driver, head.value, [id, ...how, "--", ...entrypoint]);
  const job = jobAt(driver, head.value, id);
  await job.askable(context.signal);
  if (context.signal.aborted) return interrupted(context.signal);
  const program = await driver.typed(head.value.name, words, { folder });
  const ended = new AbortController();
  const stopping = stopOnSignal(context, id, job, ended.signal);
  const submitted = await runApart(program, options.json ? "stderr" : "stdout", context.urgent);
  ended.abort();
  await stopping;
  return conclude(context, options, id, { submitted, ...(await job.state(context.signal)) });
}

/** On Docker all of it is copied to the HEAD before Ray looks at it. */
function warnOfSize({ terminal }: WsContext, folder: string): void {
  const large = tooLarge(folder);
  if (large !== undefined) printLines(terminal.err, [`→ ${large}; --working-dir names another folder`]);
}

/** How the command ends, by what Ray says of the job. */
function conclude(
  { signal, terminal }: WsContext,
  { wait, json }: RunOptions,
  job: string,
  { submitted, status, exitCode }: { submitted: boolean; status?: string; exitCode?: number | undefined },
): number | WsFailure {
  if (json) printJson(terminal.out, { job, status: status ?? null, exitCode: exitCode ?? null });
  if (signal.aborted) return interrupted(signal);
  if (status === undefined) return { reason: "job-not-submitted" };
  if (!wait && submitted) return EXIT.ok;
  return exitCode ?? { reason: "job-goes-on", job, status };
}

/** Ray's own program, typed on the HEAD. An address in a node's environment would count for more than --address. */
function submission(driver: Driver, head: NodeSettings, rest: readonly string[]) {
  const address = `RAY_API_SERVER_ADDRESS=http://${formatAddress(addressInside(driver, head, head.dashboardPort ?? 8265))}`;
  const submit = ["ray", "job", "submit", "--log-style=pretty", "--working-dir=.", "--submission-id"];
  // Where its output is no terminal, Python would keep the log's lines back.
  return ["env", address, "PYTHONUNBUFFERED=1", ...submit, ...rest];
}

const LOOK_EVERY_MS = 500;

/** After a Ctrl-C Ray is asked to stop the job until its log has ended: it may be about to be submitted only. */
async function stopOnSignal(
  { signal, urgent, terminal }: WsContext,
  id: string,
  job: ReturnType<typeof jobAt>,
  ended: AbortSignal,
): Promise<void> {
  const over = AbortSignal.any([ended, urgent]);
  let asked = false;
  while (await pause(LOOK_EVERY_MS, over)) {
    if (!signal.aborted) continue;
    const way = `interrupt once more to leave it (ws shell -- ray job stop ${id})`;
    if (!asked) terminal.err(`→ Asking Ray to stop ${id}; ${way}\n`);
    asked = true;
    await job.stop();
  }
}
