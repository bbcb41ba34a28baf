import { hostname } from "node:os";
import { renderFailure, renderProblems } from "../common/render-failure.ts";
import { readArgs } from "./args.ts";
import { type Config, readConfig } from "./config.ts";
import { dryRun, renderDryRun } from "./dry-run.ts";
import { exitCodeOf } from "./exit-code.ts";
import type { LocalFact } from "./facts.ts";
import { helpText } from "./help.ts";
import { live } from "./life.ts";
import { binDirOf, type RunAs, resolveRunAs } from "./plan.ts";
import { collect } from "./probes/collect.ts";
import { probeLocal, readTokenFile } from "./probes/local.ts";
import { handleSignals } from "./signals.ts";
import { World } from "./world.ts";

/**
 * The whole life of a node: read config → look at this machine → and then, in `live`, again and again:
 * collect facts → decide (`settle`) → plan ray start → supervise.
 */
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

  const write = (text: string): void => void process.stdout.write(text);
  const world = new World({ config: config.value, local, runAs: runAs.value, env: process.env, write });
  if (request.value.kind === "dry-run")
    return explain(config.value, local, runAs.value, world, request.value.json);

  const began = performance.now();
  handleSignals(world.stopRequest);
  world.introduce();
  const end = await live(world);
  return world.end(end, performance.now() - began);
}

async function explain(
  config: Config,
  local: LocalFact,
  runAs: RunAs,
  world: World,
  json: boolean,
): Promise<number> {
  const seen = await collect(config, world.probes, world.stop);
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

// On Linux writes to pipes, files and terminals are synchronous, so nothing is lost by leaving at once.
void main().then((exitCode) => process.exit(exitCode));
