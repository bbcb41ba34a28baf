import { hostname } from "node:os";
import { renderFailure, renderProblems } from "../common/render-failure.ts";
import { readArgs } from "./args.ts";
import { type Config, readConfig } from "./config.ts";
import { dryRun, renderDryRun } from "./dry-run.ts";
import { exitCodeOf } from "./exit-code.ts";
import type { LocalFact } from "./facts.ts";
import { helpText } from "./help.ts";
import { binDirOf, planRayStart, type RunAs, resolveRunAs } from "./plan.ts";
import { collect } from "./probes/collect.ts";
import { probeLocal, readTokenFile } from "./probes/local.ts";
import { settle } from "./settle.ts";
import { handleSignals } from "./signals.ts";
import { supervise } from "./supervise.ts";
import { openWorld, type World } from "./world.ts";

/** The whole life of a node: read config → collect facts → decide → plan ray start → supervise. */
async function main(): Promise<number> {
  const request = readArgs(process.argv.slice(2));
  if (!request.ok) return refuse(renderProblems("The command line is wrong", request.error));
  if (request.value.kind === "help") return print(helpText(__VERSION__));
  if (request.value.kind === "version") return print(`${__VERSION__}\n`);

  const { rayWords } = request.value;
  const tokenFile = readTokenFile(process.env);
  const config = readConfig({ env: process.env, hostname: hostname(), rayWords, tokenFile });
  if (!config.ok) return refuse(renderProblems("The environment is wrong", config.error));
  const local = probeLocal(localSettings(config.value));
  const runAs = resolveRunAs(config.value, local);
  if (!runAs.ok) return refuse(renderFailure(runAs.error), exitCodeOf(runAs.error));

  const world = openWorld(config.value, (text) => void process.stdout.write(text));
  if (request.value.kind === "dry-run")
    return explain(config.value, local, runAs.value, world, request.value.json);
  handleSignals(world.stop);
  return live(config.value, local, runAs.value, world);
}

/** Decides, starts Ray in the role that came out, and stays with it to its end. */
async function live(config: Config, local: LocalFact, runAs: RunAs, world: World): Promise<number> {
  const began = performance.now();
  world.introduce();
  const settled = await settle(config, world.forSettling(local));
  if (settled.kind === "failed") return world.fail(settled.failure);
  if (settled.kind === "role") {
    const plan = planRayStart({
      config,
      role: settled.role,
      runAs,
      env: process.env,
      requirements: local.requirements,
    });
    const end = await supervise(plan, world.forSupervising(plan));
    if (end.kind === "failed") return world.fail(end.failure);
  }
  return world.finish(performance.now() - began);
}

async function explain(
  config: Config,
  local: LocalFact,
  runAs: RunAs,
  world: World,
  json: boolean,
): Promise<number> {
  const seen = await collect(config, world.probes, world.stop.asked);
  const report = dryRun({ version: __VERSION__, config, local, seen, runAs, env: process.env });
  print(json ? `${JSON.stringify(report, null, 2)}\n` : `${renderDryRun(report).join("\n")}\n`);
  return report.exitCode;
}

const localSettings = (config: Config) => ({
  uid: process.getuid?.() ?? -1,
  rayUser: config.values.RAY_EP_USER,
  binDir: binDirOf(config),
  requirements: config.values.RAY_EP_PIP_REQUIREMENTS,
});

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function refuse(lines: readonly string[], exitCode = 78): number {
  process.stderr.write(`${lines.join("\n")}\n`);
  return exitCode;
}

main().then((exitCode) => {
  // Not process.exit: what was written to a pipe must get out first.
  process.exitCode = exitCode;
});
