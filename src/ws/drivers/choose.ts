import { dirname } from "node:path";
import { err, ok, type Result } from "../../common/result.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { WsFailure } from "../failure.ts";
import { oneLine } from "../output/terminal.ts";
import { environment } from "../state/environment.ts";
import { lastUp } from "../state/last-up.ts";
import { differsFromKept } from "../state/secrets.ts";
import { isDockerRunning } from "./compose/containers.ts";
import { composeDriver } from "./compose/driver.ts";
import {
  composeRunner,
  dockerRunner,
  type Engine,
  engineHost,
  findCompose,
  findEngine,
  isRemote,
  withEnvironment,
} from "./compose/engine.ts";
import type { Driver, RuntimeName } from "./driver.ts";
import { isLocalRunning, localDriver } from "./local/driver.ts";

/** What a command works on: the settings, and the driver that carries them out. */
export interface Opened {
  readonly settings: Settings;
  readonly driver: Driver;
  /** True where another `ws` has meanwhile started the cluster with other secrets. */
  readonly overtaken: () => Promise<boolean>;
  /** The other runtime, if it also runs a cluster of this project. */
  readonly other: () => Promise<RuntimeName | undefined>;
}

/** What a command asks of the runtime. */
export interface Needs {
  /** `engine`: it finds things by their labels, and no compose is needed. */
  readonly tool: "engine" | "compose";
  /** The command starts nodes: the runtime is always shown, and given secrets are used for a cluster that is down. */
  readonly announce?: boolean;
  /** The command applies a new project.name; others use the cluster that was started, whatever its name. */
  readonly renames?: boolean;
}

/** Reads config.yaml (warnings go to the terminal) and picks the runtime; says which and why where that is no matter of course. */
export async function open(
  context: WsContext,
  options: GlobalOptions,
  { tool, announce = false, renames = false }: Needs,
): Promise<Result<Opened, WsFailure>> {
  const loaded = loadSettings(context, options);
  if (!loaded.ok) return loaded;
  const settings = loaded.value;
  const { env: shell, dist } = context;
  const { stateDir, venvDir, configFile } = options;
  const embeddedRuns = () => isLocalRunning({ stateDir, venvDir });
  const last = lastUp(stateDir);
  const choice = await choose({
    asked: options.runtime,
    last: last?.runtime,
    embeddedRuns,
    findEngine: () => findTools(shell, tool),
  });
  if (!choice.ok) return choice;
  const { name, engine } = choice.value;
  sayChoice(context, choice.value, announce);
  const former = last?.projectName === settings.projectName ? undefined : last?.projectName;
  const dockerRuns = () =>
    isDockerRunning(engine?.docker ?? dockerRunner(shell), { projectName: former ?? settings.projectName });
  const running = async () => (name === "docker" ? await dockerRuns() : embeddedRuns());
  const chosen = await environment(context, options, name, announce ? running : undefined);
  if (!chosen.ok) return chosen;
  const env = chosen.value;
  const overtaken = async () => differsFromKept(stateDir, name, env) && (await running());
  const common = { env, stateDir };
  if (engine === undefined) {
    if (process.platform !== "linux")
      return err({ reason: "unsupported-platform", platform: process.platform });
    const driver = localDriver({ ...common, settings, venvDir, dist });
    const other = async () => ((await dockerRuns()) ? "docker" : undefined);
    return ok({ settings, driver, overtaken, other });
  }
  if (former !== undefined && !renames)
    context.terminal.err(
      `→ project.name is now ${settings.projectName}; this command is about ${former}, which ws up started\n`,
    );
  const meant = former === undefined || renames ? settings : { ...settings, projectName: former };
  const folders = { configFile, configFolder: dirname(configFile), root: dirname(dist) };
  const tools = { ...engine, compose: withEnvironment(engine.compose, env) };
  const formerProject = renames ? former : undefined;
  const driver = composeDriver({ ...common, ...folders, settings: meant, engine: tools, formerProject });
  const other = async () => (embeddedRuns() ? "embedded" : undefined);
  return ok({ settings: meant, driver, overtaken, other });
}

function sayChoice({ terminal }: WsContext, choice: Choice, announce: boolean): void {
  if (announce || !choice.obvious) terminal.err(`→ Runtime: ${choice.name} (${choice.why})\n`);
  for (const line of choice.warnings ?? []) terminal.err(`→ docker says: ${oneLine(line)}\n`);
}

interface Found {
  readonly engine: Engine;
  readonly version: string;
  /** What docker writes to stderr. */
  readonly warnings: readonly string[];
}

/** What the choice of a runtime rests on. */
export interface Surroundings {
  readonly asked: RuntimeName | undefined;
  /** Of the last `ws up` that no `ws down` has ended. */
  readonly last: RuntimeName | undefined;
  readonly embeddedRuns: () => boolean;
  readonly findEngine: () => Promise<Result<Found, string>>;
}

export interface Choice {
  readonly name: RuntimeName;
  /** In one line. */
  readonly why: string;
  /** Of docker. */
  readonly engine?: Engine;
  readonly warnings?: readonly string[];
  /** True where it was asked for, or is what one expects after the last `ws up`. */
  readonly obvious: boolean;
}

/** A cluster that runs here, else the last one that was brought up, else docker where it answers. */
export async function choose(around: Surroundings): Promise<Result<Choice, WsFailure>> {
  const { asked, last } = around;
  const embedded = (why: string, obvious: boolean) => ok({ name: "embedded", why, obvious } as const);
  if (asked === "embedded") return embedded("asked for with --runtime", true);
  if (asked === undefined && around.embeddedRuns())
    return embedded("its cluster runs; --runtime docker for the other one", last === "embedded");
  if (asked === undefined && last === "embedded")
    return embedded("the last ws up used it; --runtime docker for the other one", false);
  const found = await around.findEngine();
  if (!found.ok && asked === "docker")
    return err({ reason: "runtime-not-available", runtime: "docker", why: found.error });
  // What that engine runs must not be taken for nothing.
  if (!found.ok && last === "docker") return err({ reason: "engine-away", why: found.error });
  if (!found.ok) return embedded(`no Docker here: ${found.error}`, false);
  const { engine, version, warnings } = found.value;
  const why = asked === "docker" ? "asked for with --runtime" : "an engine answers";
  const where = isRemote(engine) ? `, on ${engine.host}` : "";
  return ok({ name: "docker", why: `${why}, version ${version}${where}`, engine, warnings, obvious: true });
}

/** The engine that answers and, where it is needed, the compose beside it, or in one line what is missing. */
async function findTools(env: WsContext["env"], tool: Needs["tool"]): Promise<Result<Found, string>> {
  const docker = dockerRunner(env);
  const unused = { words: ["docker", "compose"] };
  const wanted = tool === "compose" ? findCompose(env) : Promise.resolve(ok(unused));
  const [answer, compose, host] = await Promise.all([findEngine(env), wanted, engineHost(docker, env)]);
  if (!answer.ok) return answer;
  const { version, warnings } = answer.value;
  if (!compose.ok) return err(`engine ${version} answers, but ${compose.error}`);
  const engine = { docker, compose: composeRunner(compose.value.words, env), host };
  return ok({ engine, version, warnings });
}
