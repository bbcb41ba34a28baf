import { dirname } from "node:path";
import { styleText } from "node:util";
import type { GlobalOptions, WsContext } from "../context.ts";
import { clusterFindings } from "../doctor/cluster.ts";
import type { DoctorFacts } from "../doctor/facts.ts";
import type { Finding } from "../doctor/finding.ts";
import { lookAtDocker, lookAtMachine } from "../doctor/look.ts";
import { machineFindings } from "../doctor/machine.ts";
import { EXIT } from "../exit-code.ts";
import { loadSettings } from "../runtimes/choose.ts";
import { openDockerCluster } from "../runtimes/docker/cluster.ts";
import { composeRunner, dockerRunner } from "../runtimes/docker/engine.ts";
import { oneLine } from "../terminal/one-line.ts";
import { fail } from "./fail.ts";

/** `ws doctor`: what of this machine and of the cluster stands in the way, each with what to change. Exit 1 if anything does. */
export async function doctor(context: WsContext, options: GlobalOptions): Promise<number> {
  const settings = loadSettings(context, options);
  if (!settings.ok) return fail(context, settings.error);
  const { env, dist, terminal } = context;
  const { stateDir, configFile } = options;
  const machine = await lookAtMachine(env, stateDir);
  const engine = { docker: dockerRunner(env), compose: composeRunner(["docker", "compose"], env) };
  const folders = { configFile, configFolder: dirname(configFile), root: dirname(dist), stateDir };
  const cluster = openDockerCluster({ settings: settings.value, env, engine, ...folders });
  const docker = machine.engine.ok ? await lookAtDocker(cluster) : undefined;
  const facts: DoctorFacts = { settings: settings.value, machine, docker };
  const parts = { "This machine": machineFindings(facts), "The cluster": clusterFindings(facts) };
  for (const [title, findings] of Object.entries(parts))
    terminal.out(`${styleText("bold", title)}\n${findings.map(render).join("")}\n`);
  const wrong = Object.values(parts)
    .flat()
    .filter(({ state }) => state === "bad").length;
  terminal.out(wrong === 0 ? "✓ Nothing stands in the way\n" : `✗ ${wrong} to mend\n`);
  return wrong === 0 ? EXIT.ok : EXIT.notAllWell;
}

const MARK = { good: "✓", note: "→", bad: "✗" } as const;

const render = ({ topic, state, saw, fix }: Finding): string =>
  `  ${MARK[state]} ${oneLine(`${topic}: ${saw}`)}\n${fix === "" ? "" : `      → ${oneLine(fix)}\n`}`;
