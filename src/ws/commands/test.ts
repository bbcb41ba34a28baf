import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { type Address, formatAddress, parseAddress } from "../../common/address.ts";
import { monotonicMs } from "../../common/deadline.ts";
import { ok } from "../../common/result.ts";
import type { Check } from "../checks/check.ts";
import { CHECKLIST, runChecks } from "../checks/checklist.ts";
import { checkContext } from "../checks/context.ts";
import { MEMBER_CHECKS } from "../checks/sections/members.ts";
import { stopTest } from "../cluster/down.ts";
import { gcsOf } from "../cluster/snapshot.ts";
import { startTest } from "../cluster/up.ts";
import { TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../config/settings.ts";
import { type GlobalOptions, type WsContext, withJob } from "../context.ts";
import { type Opened, open } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import { describeFailure, EXIT, fail, interrupted, type WsFailure } from "../failure.ts";
import type { Job } from "../output/progress.ts";
import {
  createCheckPrinter,
  prepareFolder,
  summarize,
  type TestRun,
  withCounts,
  writeReport,
} from "../output/report.ts";
import { printJson, type Terminal } from "../output/terminal.ts";
import { readMachine } from "../state/machine.ts";
import { JSON_OPTION, type JsonOption, type Run, timeoutOption } from "./command.ts";
import { showStop } from "./down.ts";
import { showLogs } from "./logs.ts";

export const addTest = (program: Command, run: Run) =>
  program
    .command("test")
    .description(
      "the cluster test: a worker outside the whitelist, a client, and every line of the checklist",
    )
    .addOption(option("--up", "start both and judge; exit 0 only if every line holds", "down", "logs"))
    .addOption(option("--down", "stop both; the cluster stays", "logs", "head"))
    .addOption(option("--logs", "show what both wrote", "head"))
    .option("--head <host:port>", "the HEAD_ADDRESS that the test worker is told (default: config.yaml's)")
    .addOption(option("--report <folder>", REPORT, "down", "logs"))
    .addOption(option(JSON_OPTION[0], "the results of --up as JSON; the lines go to stderr", "down", "logs"))
    .addOption(timeoutOption())
    .action(run(test));

const REPORT = "write the results there, as JUnit XML, JSON and Markdown";
const option = (flags: string, text: string, ...not: string[]) => new Option(flags, text).conflicts(not);

interface TestOptions extends GlobalOptions, JsonOption {
  readonly up?: true;
  readonly down?: true;
  readonly logs?: true;
  /** `host:port` or a node's name; undefined: config.yaml's target. */
  readonly head?: string;
  readonly report?: string;
  readonly timeout: number;
}

/** The cluster test of docs/specification.md. */
async function test(context: WsContext, options: TestOptions, command: Pick<Command, "error">) {
  const { up, down, logs } = options;
  const machine = options.runtime === "embedded" ? ok(undefined) : readMachine(options.stateDir);
  if (!machine.ok) return machine.error;
  const isMember = machine.value !== undefined;
  if (isMember && (down || logs)) command.error("error: a cluster of several machines needs no test worker");
  if (!up && !down && !logs && !isMember) command.error("error: expected one of --up, --down and --logs");
  const opened = await open(context, options, { tool: up ? "compose" : "engine" });
  if (!opened.ok) return opened.error;
  if (logs) return showLogs(opened.value, context, {}, { args: [TEST_CLIENT_NAME, TEST_WORKER_NAME] });
  if (isMember) return testMembers(context, options, opened.value);
  return down ? testDown(context, opened.value) : testUp(context, options, opened.value);
}

async function testDown(context: WsContext, { driver }: Opened) {
  const stop = (job: Job) => stopTest(driver, job);
  const report = await showStop(context, "Stopping the test worker and the test client", "Stopped", stop);
  return report.ok ? EXIT.ok : report.error;
}

/** A worker that could not join is a result, and the checks say what holds; without a cluster there is nothing to judge. */
const JUDGED_ALL_THE_SAME: ReadonlySet<WsFailure["reason"]> = new Set(["node-ended", "not-ready-in-time"]);

async function testUp(context: WsContext, options: TestOptions, { driver }: Opened) {
  const { settings } = driver;
  const { head: text = formatAddress(settings.test.target), report } = options;
  // A node's name stands for its GCS.
  const port = settings.nodes.find(({ name }) => name === text)?.headPort;
  const asked = parseAddress(text, port);
  if (!asked.ok) return { reason: "head-not-usable", head: text, why: asked.error } as const;
  const head = asked.value;
  // Before the minutes of testing: their results must have a place.
  if (report !== undefined) prepareFolder(resolve(report));
  const startedAt = new Date();
  const began = monotonicMs();
  const started = await withJob(context, (job) => startTest(driver, job, head), options.timeout);
  if (!started.ok && !JUDGED_ALL_THE_SAME.has(started.error.reason)) return started.error;
  const failed = started.ok ? undefined : fail(context, started.error);
  const { signal, terminal } = context;
  if (signal.aborted) return failed ?? interrupted(signal);
  const say = options.json ? terminal.err : terminal.out;
  const told = formatAddress(head);
  if (started.ok) say(`→ Judging the cluster; the test worker was told HEAD_ADDRESS=${told}\n`);
  const startFailure = started.ok ? [] : describeFailure(started.error).lines;
  const run = { head, checks: CHECKLIST, startFailure, startedAt, began };
  const holds = await judge(context, options, driver, run);
  if (holds === undefined) return interrupted(signal);
  if (started.ok) say("→ Next: ./ws test --logs · ./ws test --down\n");
  return holds && started.ok ? EXIT.ok : EXIT.notAllWell;
}

/** The whole cluster of several machines, from here. */
async function testMembers(context: WsContext, options: TestOptions, { driver }: Opened) {
  if (options.report !== undefined) prepareFolder(resolve(options.report));
  const { heads, noHead } = await gcsOf(driver.until(context.signal));
  const [head] = heads;
  if (noHead?.reason === "wants-token") return { reason: "token-refused", at: noHead.at } as const;
  if (head === undefined)
    return {
      reason: "not-running",
      what: "No HEAD of this cluster answers",
      fix: "See why: ./ws ps",
    } as const;
  const run = { head: head.address, checks: MEMBER_CHECKS, startFailure: [], startedAt: new Date() };
  const holds = await judge(context, options, driver, { ...run, began: monotonicMs() });
  return holds === undefined ? interrupted(context.signal) : holds ? EXIT.ok : EXIT.notAllWell;
}

interface Judging extends Pick<TestRun, "startFailure" | "startedAt"> {
  readonly head: Address;
  readonly checks: readonly Check[];
  /** Monotonic milliseconds. */
  readonly began: number;
}

/** Judges, prints and reports. Whether all holds; undefined where it was interrupted. */
async function judge(
  { signal, terminal }: WsContext,
  options: TestOptions,
  driver: Driver,
  { head, checks, began, ...run }: Judging,
): Promise<boolean | undefined> {
  // With --json the lines are progress.
  const say = options.json ? terminal.err : terminal.out;
  const asked = checkContext(driver, head, signal);
  const results = await runChecks(checks, asked, createCheckPrinter(say), signal);
  if (signal.aborted) return undefined;
  say(`\n${summarize(results).line}\n`);
  const tookMs = monotonicMs() - began;
  await publish(terminal, options, {
    results,
    runtime: driver.name,
    head: formatAddress(head),
    tookMs,
    ...run,
  });
  return results.every(({ outcome }) => outcome !== "failed");
}

async function publish({ out, err }: Terminal, { report, json }: TestOptions, run: TestRun): Promise<void> {
  if (report !== undefined)
    (json ? err : out)(`→ Written: ${(await writeReport(resolve(report), run)).join(", ")}\n`);
  if (json) printJson(out, withCounts(run));
}
