import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { renderProblems } from "../../common/render-failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { WsFailure } from "../failure.ts";
import { readSettings, type Settings } from "../settings.ts";
import { oneLine } from "../terminal/one-line.ts";
import { composeRunner, dockerRunner, type Engine, engineVersion, findCompose } from "./docker/engine.ts";
import { dockerRuntime } from "./docker/runtime.ts";
import { embeddedRuntime, isEmbeddedRunning } from "./embedded/runtime.ts";
import { lastUp } from "./last-up.ts";
import type { Runtime, RuntimeName } from "./runtime.ts";

/** A command's world: the settings, and the runtime that carries them out. */
export interface Opened {
  readonly settings: Settings;
  readonly runtime: Runtime;
}

/** What a command asks of the runtime. */
export interface Needs {
  /** `engine`: it finds things by their labels, and no compose is needed. */
  readonly tool: "engine" | "compose";
  /** Say which runtime it is also where nobody would expect another. */
  readonly announce?: boolean;
  /** It brings what runs in line with a new project.name; otherwise the cluster that was started is meant, whatever its name. */
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
  const { env, dist } = context;
  const { stateDir, venvDir, configFile } = options;
  const embedded = { settings, env, stateDir, venvDir, dist };
  const last = lastUp(stateDir);
  const choice = await choose({
    asked: options.runtime,
    last: last?.runtime,
    embeddedRuns: () => isEmbeddedRunning(embedded),
    findEngine: () => findEngine(env, tool),
  });
  if (!choice.ok) return choice;
  const { name, why, engine, obvious } = choice.value;
  if (announce || !obvious) context.terminal.err(`→ Runtime: ${name} (${why})\n`);
  if (engine === undefined) return ok({ settings, runtime: embeddedRuntime(embedded) });
  const folders = { configFile, configFolder: dirname(configFile), root: dirname(dist), stateDir };
  const former = last?.projectName === settings.projectName ? undefined : last?.projectName;
  if (former === undefined || renames)
    return ok({
      settings,
      runtime: dockerRuntime({ settings, env, engine, ...folders, formerProject: former }),
    });
  context.terminal.err(
    `→ project.name is ${settings.projectName} now; this is about ${former}, which ws up started\n`,
  );
  const meant = { ...settings, projectName: former };
  return ok({ settings: meant, runtime: dockerRuntime({ settings: meant, env, engine, ...folders }) });
}

interface Found {
  readonly engine: Engine;
  readonly version: string;
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
  const { engine, version } = found.value;
  const why = asked === "docker" ? "asked for with --runtime" : "an engine answers";
  return ok({ name: "docker", why: `${why}, version ${version}`, engine, obvious: true });
}

/** Reads and checks config.yaml; a missing file means all defaults, unless somebody named it. */
export function loadSettings(
  { terminal }: WsContext,
  { configFile: file, configGiven }: Pick<GlobalOptions, "configFile" | "configGiven">,
): Result<Settings, WsFailure> {
  const text = readConfig(file, configGiven);
  if (!text.ok) return text;
  const read = readSettings(text.value, file);
  if (!read.ok) return err({ reason: "bad-settings", file, problems: read.error });
  if (read.value.warnings.length > 0)
    terminal.err(`${renderProblems(`${file} has warnings`, read.value.warnings).map(oneLine).join("\n")}\n`);
  return ok(read.value.settings);
}

function readConfig(file: string, given: boolean): Result<string, WsFailure> {
  try {
    return ok(readFileSync(file, "utf8"));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && !given) return ok("");
    const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : message;
    const fix = "Name a file with -c, or leave -c out for config.yaml beside ws.";
    return err({ reason: "config-unreadable", file, why, fix });
  }
}

/** The engine that answers and, where it is needed, the compose beside it, or in one line what is missing. */
async function findEngine(env: WsContext["env"], tool: Needs["tool"]): Promise<Result<Found, string>> {
  const docker = dockerRunner(env);
  const unused = { words: ["docker", "compose"] };
  const wanted = tool === "compose" ? findCompose(env) : Promise.resolve(ok(unused));
  const [version, compose] = await Promise.all([engineVersion(docker), wanted]);
  if (!version.ok) return version;
  if (!compose.ok) return err(`engine ${version.value} answers, but ${compose.error}`);
  return ok({ engine: { docker, compose: composeRunner(compose.value.words, env) }, version: version.value });
}
