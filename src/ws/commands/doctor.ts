import { styleText } from "node:util";
import type { Command } from "commander";
import { ok } from "../../common/result.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { clusterFindings } from "../doctor/cluster.ts";
import type { Finding } from "../doctor/finding.ts";
import { type DoctorFacts, lookAtCluster, lookAtDocker, lookAtMachine } from "../doctor/look.ts";
import { machineFindings } from "../doctor/machine.ts";
import { choose, DRIVERS, openMember } from "../drivers/choose.ts";
import { composeRunner, dockerRunner } from "../drivers/compose/engine.ts";
import { engineHost } from "../drivers/compose/tools.ts";
import { isLocalRunning } from "../drivers/local/driver.ts";
import { EXIT } from "../failure.ts";
import { oneLine, printJson, type Terminal } from "../output/terminal.ts";
import { lastUp } from "../state/last-up.ts";
import { type Machine, readMachine } from "../state/machine.ts";
import { accessTo } from "../state/secrets.ts";
import { JSON_OPTION, type JsonOption, type Run } from "./command.ts";

export const addDoctor = (program: Command, run: Run) =>
  program
    .command("doctor")
    .description("look at this machine and the cluster, and say what to change; exit 1 if anything is wrong")
    .option(...JSON_OPTION)
    .action(run(doctor));

async function doctor(context: WsContext, options: GlobalOptions & JsonOption) {
  const settings = loadSettings(context, options);
  if (!settings.ok) return settings.error;
  const { env: shell, dist, terminal } = context;
  const { stateDir } = options;
  const docker = dockerRunner(shell);
  const compose = ["docker", "compose"];
  const host = await engineHost(docker, shell);
  const machine = await lookAtMachine(shell, stateDir, { docker, host });
  const part = options.runtime === "embedded" ? ok(undefined) : readMachine(stateDir);
  if (!part.ok) return part.error;
  if (part.value !== undefined)
    return examineMember(context, options, settings.value, { machine, part: part.value });
  const answer = machine.engine;
  // The cluster to examine is chosen as in every other command; docker's is examined also where its engine does not answer.
  const choice = await choose({
    asked: options.runtime,
    last: lastUp(stateDir)?.runtime,
    embeddedRuns: () => isLocalRunning(stateDir),
    findTools: async () => (answer.ok ? ok({ ...answer.value, compose, host }) : answer),
  });
  const runtime = choice.ok ? choice.value.name : (options.runtime ?? "docker");
  const access = await accessTo(context, options, settings.value, runtime);
  if (!access.ok) return access.error;
  const project = {
    ...{ ...options, ...access.value, settings: settings.value, dist },
    engine: { docker, compose: composeRunner(compose, shell), host },
  };
  const cluster = await lookAtCluster(DRIVERS[runtime](project));
  const running =
    runtime === "docker" &&
    (!cluster.services.ok || cluster.services.value.some(({ running: each }) => each));
  const facts: DoctorFacts = {
    settings: settings.value,
    machine,
    docker: machine.engine.ok ? await lookAtDocker(project, running) : undefined,
    cluster,
  };
  return show(terminal, options, facts);
}

/** Of a cluster of several machines: this one, and every node that Ray lists. */
async function examineMember(
  context: WsContext,
  options: GlobalOptions & JsonOption,
  settings: Settings,
  { machine, part }: Pick<DoctorFacts, "machine"> & { readonly part: Machine },
) {
  const opened = await openMember(context, options, settings, part, "engine");
  if (!opened.ok) return opened.error;
  const cluster = await lookAtCluster(opened.value.driver);
  return show(context.terminal, options, {
    settings: opened.value.settings,
    machine,
    docker: undefined,
    cluster,
  });
}

function show(terminal: Terminal, options: JsonOption, facts: DoctorFacts): number {
  const parts = { "This machine": machineFindings(facts), "The cluster": clusterFindings(facts) };
  const findings = Object.entries(parts).flatMap(([section, found]) =>
    found.map((each) => ({ section, ...each })),
  );
  const wrong = findings.filter(({ state }) => state === "bad").length;
  if (options.json) printJson(terminal.out, { findings, problems: wrong });
  else printFindings(terminal.out, parts, wrong);
  return wrong === 0 ? EXIT.ok : EXIT.notAllWell;
}

function printFindings(
  out: Terminal["out"],
  parts: Readonly<Record<string, readonly Finding[]>>,
  wrong: number,
): void {
  for (const [title, findings] of Object.entries(parts))
    out(`${styleText("bold", title)}\n${findings.map(render).join("")}\n`);
  const problems = wrong === 1 ? "1 problem" : `${wrong} problems`;
  out(wrong === 0 ? "✓ Nothing stands in the way\n" : `✗ ${problems}\n`);
}

const MARK = { good: "✓", note: "→", bad: "✗" } as const;

const render = ({ topic, state, saw, fix }: Finding): string =>
  `  ${MARK[state]} ${oneLine(`${topic}: ${saw}`)}\n${fix === "" ? "" : `      → ${oneLine(fix)}\n`}`;
