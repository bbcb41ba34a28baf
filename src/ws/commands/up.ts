import { formatAddress } from "../../common/address.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { isDisruptive, type UpPlan } from "../cluster/plan.ts";
import { type ClusterReport, type HeadReport, reportCluster } from "../cluster/status.ts";
import { type UpReport, upCluster } from "../cluster/up.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { withJob } from "../context.ts";
import { open } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import { EXIT, fail, interrupted, type WsFailure } from "../failure.ts";
import type { Job } from "../job.ts";
import { oneLine, warnOfMachine } from "../output/terminal.ts";
import { rememberUp } from "../state/last-up.ts";
import { renderPlan } from "./render-plan.ts";

export interface UpOptions extends GlobalOptions {
  readonly timeoutMs: number;
  /** Build the images anew. */
  readonly build: boolean;
  /** Show what would be done, and do nothing. */
  readonly dryRun: boolean;
  /** Replace and stop what runs without asking. */
  readonly yes: boolean;
}

const LOOKS = 3;

/** `ws up`: starts the cluster, or what is missing of it, and returns when every node is ALIVE. */
export async function up(context: WsContext, options: UpOptions): Promise<number> {
  const opened = await open(context, options, { tool: "compose", announce: true, renames: true });
  if (!opened.ok) return fail(context, opened.error);
  const { driver, settings, overtaken } = opened.value;
  const { stateDir, timeoutMs, build } = options;
  const report = await withJob(context, timeoutMs, (job) =>
    upCluster(driver, job, {
      build,
      agree: async (plan) =>
        (await overtaken()) ? err({ reason: "overtaken" }) : await agree(context, options, job, plan),
      begin: () => rememberUp(stateDir, { runtime: driver.name, projectName: settings.projectName }),
    }),
  );
  if (!report.ok && report.error.reason === "overtaken") return up(context, options);
  if (!report.ok && report.error.reason === "only-planned") return EXIT.ok;
  if (!report.ok) return fail(context, report.error);
  warnOfMachine(context.terminal, report.value.warnings);
  const names = settings.nodes.map(({ name }) => name);
  const cluster = await settledReport(driver, names, report.value.cluster, context.signal);
  const gone = notAlive(cluster, names);
  if (gone.length > 0) return fail(context, { reason: "not-alive", nodes: gone });
  context.terminal.out(
    `${renderUp({ ...report.value, cluster })
      .map(oneLine)
      .join("\n")}\n`,
  );
  return EXIT.ok;
}

/** Shows what would be replaced or stopped, and asks. Without a terminal, --yes is needed instead. */
async function agree(
  { terminal, ask, signal }: WsContext,
  { dryRun, yes }: UpOptions,
  { progress }: Job,
  plan: UpPlan,
): Promise<Result<void, WsFailure>> {
  const disruptive = isDisruptive(plan);
  const shown = `${renderPlan(plan).map(oneLine).join("\n")}\n`;
  progress.close();
  if (dryRun) {
    terminal.out(`→ ws up would do this:\n${shown}`);
    return err({ reason: "only-planned" });
  }
  if (!disruptive) return ok(undefined);
  terminal.err(`→ This changes what runs:\n${shown}`);
  if (yes) return ok(undefined);
  const answer = await ask?.("Go on? [y/N] ");
  if (signal.aborted) return err(interrupted(signal));
  return /^y(?:es)?$/i.test(answer?.trim() ?? "") ? ok(undefined) : err({ reason: "not-agreed" });
}

/** One look may miss a GCS that is busy; two more must miss it as well. */
async function settledReport(
  driver: Driver,
  names: readonly string[],
  first: ClusterReport,
  signal: AbortSignal,
): Promise<ClusterReport> {
  let report = first;
  for (let looks = 1; looks < LOOKS && notAlive(report, names).length > 0; looks++) {
    const look = await reportCluster(driver.until(signal));
    if (look.ok) report = look.value;
  }
  return report;
}

/** Those of `names` that are not ALIVE, with what they are. Pure. */
export const notAlive = ({ services }: ClusterReport, names: readonly string[]) =>
  names
    .map((node) => ({ node, state: services.find(({ name }) => name === node)?.state ?? "not there" }))
    .filter(({ state }) => state !== "ALIVE");

/** What is up. Only nodes that are ALIVE count. Pure. */
export function renderUp({ started, cluster }: UpReport): string[] {
  const nodes = cluster.services.filter(({ state }) => state === "ALIVE");
  const cpus = nodes.reduce((total, { cpus: each = 0 }) => total + each, 0);
  const names = nodes.map(({ name, role }) => `${name} (${role.toUpperCase()})`).join(", ");
  const what = `${nodes.length} nodes ALIVE, ${cpus} CPUs: ${names}`;
  const first =
    started.length === 0
      ? `✓ The cluster is up already, nothing was changed. ${what}`
      : `✓ The cluster is up. ${what}`;
  return [first, ...(cluster.head === undefined ? [] : renderHead(cluster.head))];
}

function renderHead({ dashboardUrl, clientUrl, address, version }: HeadReport): string[] {
  return [
    `  Dashboard    ${dashboardUrl}`,
    `  Ray Client   ${clientUrl}   (Ray ${version})`,
    `  Address      ${formatAddress(address)}`,
    "→ Next: ./ws ps · ./ws logs -f · ./ws test --up · ./ws down",
  ];
}
