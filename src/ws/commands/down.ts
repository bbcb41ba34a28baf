import { type DownReport, downCluster } from "../cluster/down.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { withJob } from "../context.ts";
import { open } from "../drivers/choose.ts";
import { EXIT, fail } from "../failure.ts";
import { forgetUp } from "../state/last-up.ts";

export interface DownOptions extends GlobalOptions {
  readonly volumes: boolean;
  /** Also what was started from another folder under the same project.name. */
  readonly yes: boolean;
}

const TIMEOUT_MS = 60_000;

/** `ws down`: stops everything; twice is fine. */
export async function down(context: WsContext, options: DownOptions): Promise<number> {
  const opened = await open(context, options, { tool: "engine" });
  if (!opened.ok) return fail(context, opened.error);
  const { driver } = opened.value;
  const report = await withJob(context, TIMEOUT_MS, async (job) => {
    job.progress.begin("down", "Stopping the cluster");
    const ended = await downCluster(driver, job, { volumes: options.volumes, anyFolder: options.yes });
    if (ended.ok) job.progress.done("down", renderDown(ended.value, "The cluster is down"));
    return ended;
  });
  if (!report.ok) return fail(context, report.error);
  forgetUp(options.stateDir, driver.name);
  return EXIT.ok;
}

/** One line: what was stopped, and whether force was needed. */
export function renderDown({ stopped, killed }: DownReport, done: string): string {
  const force = killed === 0 ? "" : `; ${killed} processes that were left had to be killed`;
  if (stopped.length === 0) return killed === 0 ? "Nothing was running" : `${done}${force}`;
  return `${done}: ${stopped.join(", ")}${force}`;
}
