import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import type { Command } from "commander";
import { formatAddress } from "../../common/address.ts";
import { pause } from "../../common/deadline.ts";
import { jobAt } from "../cluster/job.ts";
import { runningHead } from "../cluster/snapshot.ts";
import type { NodeSettings } from "../config/settings.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { open } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import { runApart } from "../drivers/run-program.ts";
import { EXIT, interrupted } from "../failure.ts";
import { printJson } from "../output/terminal.ts";
import type { Run } from "./command.ts";

export const addRun = (program: Command, run: Run) =>
  program
    .command("run")
    .description("submit a job to Ray, follow its log, and end with its exit code: ws run -- python job.py")
    .argument("<command...>", "what the job runs")
    .option("--working-dir <folder>", "the folder whose files the job gets (default: the current one)")
    .option("--no-wait", "end as soon as the job is submitted")
    .option("--json", "its id and final state as JSON; its log goes to stderr")
    .action((words, options, command) =>
      run((context, read: RunOptions) => runJob(context, read, words))(options, command),
    );

interface RunOptions extends GlobalOptions {
  readonly workingDir?: string;
  readonly wait: boolean;
  readonly json?: true;
}

async function runJob(context: WsContext, options: RunOptions, entrypoint: readonly string[]) {
  const opened = await open(context, options, { tool: "engine" });
  if (!opened.ok) return opened.error;
  const { driver } = opened.value;
  const head = await runningHead(driver.until(context.signal));
  if (!head.ok) return head.error;
  const { workingDir = ".", wait, json = false } = options;
  const { signal, terminal } = context;
  const id = `ws-${randomBytes(8).toString("hex")}`;
  const colour = `--log-color=${context.interactive}`;
  const how = [colour, ...(wait ? [] : ["--no-wait"])];
  const words = submission(driver, head.value, [id, ...how, "--", ...entrypoint]);
  const program = await driver.typed(head.value.name, words, { folder: resolve(workingDir) });
  const job = jobAt(driver, head.value, id);
  const ended = new AbortController();
  const stopping = stopOnSignal(context, id, job, ended.signal);
  const submitted = await runApart(program, json ? "stderr" : "stdout", context.urgent);
  ended.abort();
  await stopping;
  const state = await job.state();
  if (json)
    printJson(terminal.out, { job: id, status: state?.status ?? null, exitCode: state?.exitCode ?? null });
  if (signal.aborted) return interrupted(signal);
  if (state === undefined) return { reason: "job-not-submitted", node: head.value.name } as const;
  if (!wait && submitted) return EXIT.ok;
  return state.exitCode ?? ({ reason: "job-goes-on", job: id, status: state.status } as const);
}

/** Ray's own program, typed on the HEAD. An address in a node's environment would count for more than --address. */
function submission(driver: Driver, { name, dashboardPort: port }: NodeSettings, rest: readonly string[]) {
  const address = `RAY_API_SERVER_ADDRESS=http://${formatAddress(driver.inside({ host: name, port }))}`;
  const submit = ["ray", "job", "submit", "--log-style=pretty", "--working-dir=.", "--submission-id"];
  return ["env", address, ...submit, ...rest];
}

const STOP_EVERY_MS = 500;

/** Ctrl-C: Ray is asked to stop the job until its log has ended, since it may be about to be submitted only. */
async function stopOnSignal(
  { signal, urgent, terminal }: WsContext,
  id: string,
  job: ReturnType<typeof jobAt>,
  ended: AbortSignal,
): Promise<void> {
  const stopped = AbortSignal.any([ended, urgent]);
  await new Promise((resolve) => AbortSignal.any([signal, stopped]).addEventListener("abort", resolve));
  if (stopped.aborted) return;
  terminal.err(
    `→ Asking Ray to stop ${id}; interrupt once more to leave it (ws shell -- ray job stop ${id})\n`,
  );
  do await job.stop();
  while (await pause(STOP_EVERY_MS, stopped));
}
