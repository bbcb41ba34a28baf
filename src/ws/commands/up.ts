import type { Command } from "commander";
import { formatAddress } from "../../common/address.ts";
import { hasTokens } from "../../common/auth-token.ts";
import type { Problem } from "../../common/failure.ts";
import { err, ok } from "../../common/result.ts";
import { isDisruptive, type PlanStep, type UpPlan } from "../cluster/plan.ts";
import { type ClusterReport, confirmAlive } from "../cluster/status.ts";
import { upCluster } from "../cluster/up.ts";
import type { Settings } from "../config/settings.ts";
import { type GlobalOptions, type WsContext, withJob } from "../context.ts";
import { open } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import { type Attempt, EXIT, interrupted, type WsFailure } from "../failure.ts";
import { warnOfImages } from "../machine/base.ts";
import type { Job } from "../output/progress.ts";
import { printJson, printLines, warn, warnOfMachine } from "../output/terminal.ts";
import { rememberUp } from "../state/last-up.ts";
import { agrees, JSON_OPTION, type JsonOption, type Run, timeoutOption } from "./command.ts";

export const addUp = (program: Command, run: Run) =>
  program
    .command("up")
    .description("start the cluster, or what is missing of it, and wait until every node is ALIVE")
    .option("--build", "build the images anew (docker); without it only missing ones are built")
    .option("--dry-run", "show what would be started, replaced and stopped, and change nothing")
    .option("-y, --yes", "replace and stop what runs without asking")
    .addOption(timeoutOption())
    .option(...JSON_OPTION)
    .action(run(up));

interface UpOptions extends GlobalOptions, JsonOption {
  readonly timeout: number;
  readonly build?: true;
  readonly dryRun?: true;
  readonly yes?: true;
}

async function up(context: WsContext, options: UpOptions): Promise<number | WsFailure> {
  const opened = await open(context, options, { tool: "compose", announce: true, renames: true });
  if (!opened.ok) return opened.error;
  const { driver, overtaken } = opened.value;
  const { stateDir, timeout, build = false } = options;
  const report = await withJob(
    context,
    (job) =>
      upCluster(driver, job, {
        build,
        agree: async (plan) =>
          (await overtaken()) ? err({ reason: "overtaken" }) : await agree(context, options, job, plan),
        begin: () => {
          const { projectName, machine } = driver.settings;
          // Of a member machine.json says it.
          if (machine === undefined) rememberUp(stateDir, { runtime: driver.name, projectName });
        },
      }),
    timeout,
  );
  if (!report.ok) {
    const { reason } = report.error;
    // Another ws was quicker, and its cluster wants the tokens that it made.
    const isLate = reason === "overtaken" || (reason === "token-refused" && (await overtaken()));
    return isLate ? up(context, options) : report.error;
  }
  warnOfMachine(context.terminal, report.value.warnings);
  await warnOfImages(context.terminal, driver);
  const cluster = await confirmAlive(driver.until(context.signal));
  if (!cluster.ok) return cluster.error;
  const { out } = context.terminal;
  const { started } = report.value;
  if (options.json) printJson(out, { started, ...cluster.value });
  else printLines(out, renderUp(started, cluster.value));
  warn(context.terminal, "No token protects this cluster", withoutToken(driver, cluster.value));
  return EXIT.ok;
}

/** Shows what would be replaced or stopped, and asks. Without a terminal, --yes is needed instead. */
async function agree(
  context: WsContext,
  { dryRun, yes, json }: UpOptions,
  { progress }: Job,
  plan: UpPlan,
): Attempt {
  const { terminal, signal } = context;
  progress.close();
  if (dryRun) {
    if (json) printJson(terminal.out, { plan });
    else printLines(terminal.out, ["→ ws up would do this:", ...renderPlan(plan)]);
    return err({ reason: "only-planned" });
  }
  if (!isDisruptive(plan)) return ok(undefined);
  printLines(terminal.err, ["→ This changes what runs:", ...renderPlan(plan)]);
  if (yes) return ok(undefined);
  const agreed = await agrees(context);
  if (signal.aborted) return err(interrupted(signal));
  return agreed ? ok(undefined) : err({ reason: "not-agreed" });
}

const MARK: Readonly<Record<PlanStep["action"], string>> = {
  keep: "✓ keep   ",
  start: "→ start  ",
  replace: "✗ replace",
  stop: "✗ stop   ",
};

/** What `ws up` would do, one line a service. Pure. */
export function renderPlan(steps: UpPlan): string[] {
  const width = Math.max(...steps.map(({ service }) => service.length));
  return steps.flatMap(({ action, service, why, lost }) => [
    `  ${MARK[action]}  ${service.padEnd(width)}  ${why}`.trimEnd(),
    ...(lost === "" ? [] : [`      lost: ${lost}`]),
  ]);
}

/** Who can use a cluster whose Ray requires no token; nothing where it does. Pure. */
export function withoutToken(
  { settings: { auth }, openAt }: Pick<Driver, "openAt"> & { readonly settings: Pick<Settings, "auth"> },
  { head }: Pick<ClusterReport, "head">,
): Problem[] {
  if (head === undefined || (auth === "on" && hasTokens(head.version))) return [];
  const ports = [head.dashboardUrl, head.clientUrl].map((url) => new URL(url).port);
  const why =
    auth === "off" ? "Ray's token is off" : `Ray ${head.version} has no token, which came with 2.52`;
  const narrow = "auth: off publishes its ports on 127.0.0.1 and host.ip_address alone (docker)";
  return [
    {
      where: "auth",
      problem: `${why}: whoever reaches ${openAt()} at ${[head.address.port, ...ports].join(", ")} can run code on the cluster`,
      fix: auth === "off" ? "Take auth: off out of config.yaml." : `Use a later Ray; until then ${narrow}.`,
    },
  ];
}

/** What is up, and what comes next. Only nodes that are ALIVE count. Pure. */
export function renderUp(started: readonly string[], { services, head }: ClusterReport): string[] {
  const nodes = services.filter(({ state }) => state === "ALIVE");
  const cpus = nodes.reduce((total, { cpus: each = 0 }) => total + each, 0);
  const names = nodes.map(({ name, role }) => `${name} (${role?.toUpperCase()})`).join(", ");
  const done = started.length === 0 ? "up already, nothing was changed" : "up";
  return [
    `✓ The cluster is ${done}. ${nodes.length} ${nodes.length === 1 ? "node" : "nodes"} ALIVE, ${cpus} CPUs: ${names}`,
    ...(head === undefined
      ? []
      : [
          `  Dashboard    ${head.dashboardUrl}`,
          `  Ray Client   ${head.clientUrl}   (Ray ${head.version})`,
          `  Address      ${formatAddress(head.address)}`,
          `→ From this shell: eval "$(./ws env)" · In a browser: ./ws open`,
          "→ Next: ./ws ps · ./ws logs -f · ./ws test --up · ./ws down",
        ]),
  ];
}
