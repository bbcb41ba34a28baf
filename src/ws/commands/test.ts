import { type Address, formatAddress, parseAddress } from "../../common/address.ts";
import { monotonicMs } from "../../common/deadline.ts";
import { ok, type Result } from "../../common/result.ts";
import { CHECKLIST, runChecks } from "../checks/checklist.ts";
import { checkContext } from "../checks/context.ts";
import { stopTest } from "../cluster/down.ts";
import { startTest } from "../cluster/up.ts";
import { type Settings, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../config/settings.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { type Opened, open } from "../drivers/choose.ts";
import { EXIT, exitCodeOf } from "../exit-code.ts";
import { interrupted, type WsFailure } from "../failure.ts";
import { renderFailure } from "../output/render-failure.ts";
import { prepareFolder, writeReport } from "../output/report/files.ts";
import type { TestRun } from "../output/report/summary.ts";
import { createCheckPrinter, summarize } from "../output/report/text.ts";
import { renderDown } from "./down.ts";
import { fail } from "./fail.ts";
import { withJob } from "./job.ts";
import { logs } from "./logs.ts";

export interface TestOptions extends GlobalOptions {
  readonly action: "up" | "down" | "logs";
  /** `host:port` or a node's name; undefined: config.yaml's target. */
  readonly head: string | undefined;
  readonly timeoutMs: number;
  /** A folder for the results as JUnit XML, JSON and Markdown. */
  readonly report: string | undefined;
}

/** `ws test`: the cluster test of docs/specification.md. `--up` judges every line of its checklist and exits 0 only if all hold. */
export async function test(context: WsContext, options: TestOptions): Promise<number> {
  if (options.action === "logs")
    return logs(context, {
      ...options,
      nodes: [TEST_CLIENT_NAME, TEST_WORKER_NAME],
      follow: false,
      tail: undefined,
    });
  const opened = await open(context, options, { tool: options.action === "down" ? "engine" : "compose" });
  if (!opened.ok) return fail(context, opened.error);
  return options.action === "down" ? testDown(context, opened.value) : testUp(context, options, opened.value);
}

async function testDown(context: WsContext, { driver }: Opened): Promise<number> {
  const report = await withJob(context, 0, async (job) => {
    job.progress.begin("down", "Stopping the test worker and the test client");
    const ended = await stopTest(driver, job);
    if (ended.ok) job.progress.done("down", renderDown(ended.value, "Stopped"));
    return ended;
  });
  return report.ok ? EXIT.ok : fail(context, report.error);
}

async function testUp(
  context: WsContext,
  options: TestOptions,
  { driver, settings }: Opened,
): Promise<number> {
  const asked = options.head === undefined ? ok(settings.test.target) : readHead(options.head, settings);
  if (!asked.ok)
    return fail(context, { reason: "head-not-usable", head: options.head ?? "", why: asked.error });
  const head = asked.value;
  // Before the minutes of testing: their results must have a place.
  if (options.report !== undefined) prepareFolder(options.report);
  const startedAt = new Date();
  const began = monotonicMs();
  const started = await withJob(context, options.timeoutMs, (job) => startTest(driver, job, head));
  const startFailed = started.ok ? undefined : fail(context, started.error);
  if (!started.ok && !JUDGED_ALL_THE_SAME.has(started.error.reason)) return exitCodeOf(started.error);
  if (context.signal.aborted) return startFailed ?? fail(context, interrupted(context.signal));
  const { out } = context.terminal;
  if (started.ok)
    out(`→ Judging the cluster; the test worker was told HEAD_ADDRESS=${formatAddress(head)}\n`);
  const checks = checkContext(driver, head, context.signal);
  const results = await runChecks(CHECKLIST, checks, createCheckPrinter(out), context.signal);
  if (context.signal.aborted) return fail(context, interrupted(context.signal));
  out(`${summarize(results)}\n`);
  writeFiles(context, options, {
    results,
    runtime: driver.name,
    head: formatAddress(head),
    startFailure: started.ok ? [] : renderFailure(started.error),
    startedAt,
    tookMs: monotonicMs() - began,
  });
  if (started.ok) out("→ Next: ./ws test --logs · ./ws test --down\n");
  const allHold = results.every(({ outcome }) => outcome !== "failed");
  return allHold && started.ok ? EXIT.ok : EXIT.notAllWell;
}

function writeFiles({ terminal }: WsContext, { report }: TestOptions, run: TestRun): void {
  if (report !== undefined) terminal.out(`→ Written: ${writeReport(report, run).join(", ")}\n`);
}

/** A worker that could not join is a result, and the checks say what holds; without a cluster there is nothing to judge. */
const JUDGED_ALL_THE_SAME: ReadonlySet<WsFailure["reason"]> = new Set(["node-ended", "not-ready-in-time"]);

/** A node's name stands for its GCS. The error is a sentence. */
function readHead(text: string, { nodes }: Settings): Result<Address, string> {
  return parseAddress(text, nodes.find(({ name }) => name === text)?.headPort);
}
