import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { renderProblems } from "../../common/render-failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { WsFailure } from "../failure.ts";
import { readSettings, type Settings } from "../settings.ts";
import { composeRunner, dockerRunner, type Engine, engineVersion, findCompose } from "./docker/engine.ts";
import { dockerRuntime } from "./docker/runtime.ts";
import { embeddedRuntime, isEmbeddedRunning } from "./embedded/runtime.ts";
import type { Runtime } from "./runtime.ts";

/** A command's world: the settings, and the runtime that carries them out. */
export interface Opened {
  readonly settings: Settings;
  readonly runtime: Runtime;
  /** Why this runtime, in one line. */
  readonly why: string;
}

/** Reads config.yaml (warnings go to the terminal) and picks the runtime. */
export async function open(context: WsContext, options: GlobalOptions): Promise<Result<Opened, WsFailure>> {
  const loaded = loadSettings(context, options.configFile);
  if (!loaded.ok) return loaded;
  const settings = loaded.value;
  const { env, dist } = context;
  const { stateDir, venvDir, configFile } = options;
  const embedded = { settings, env, stateDir, venvDir, dist };
  const useEmbedded = (why: string) => ok({ settings, runtime: embeddedRuntime(embedded), why });
  if (options.runtime === "embedded") return useEmbedded("asked for with --runtime");
  if (options.runtime === undefined && isEmbeddedRunning(embedded))
    return useEmbedded("its cluster runs; --runtime docker for the other one");
  const found = await findEngine(env);
  if (!found.ok && options.runtime === "docker")
    return err({ reason: "runtime-not-available", runtime: "docker", why: found.error });
  if (!found.ok) return useEmbedded(`no Docker here: ${found.error}`);
  const { engine, version } = found.value;
  const folders = { configFile, configFolder: dirname(configFile), root: dirname(dist), stateDir };
  const runtime = dockerRuntime({ settings, env, engine, ...folders });
  const why = options.runtime === "docker" ? "asked for with --runtime" : "an engine answers";
  return ok({ settings, runtime, why: `${why}, version ${version}` });
}

/** Reads and checks config.yaml; a missing file means all defaults. */
export function loadSettings({ terminal }: WsContext, file: string): Result<Settings, WsFailure> {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const read = readSettings(text, file);
  if (!read.ok) return err({ reason: "bad-settings", file, problems: read.error });
  if (read.value.warnings.length > 0)
    terminal.err(`${renderProblems(`${file} has warnings`, read.value.warnings).join("\n")}\n`);
  return ok(read.value.settings);
}

/** The engine that answers and the compose beside it, or in one line what is missing. */
async function findEngine(
  env: WsContext["env"],
): Promise<Result<{ readonly engine: Engine; readonly version: string }, string>> {
  const docker = dockerRunner(env);
  const [version, compose] = await Promise.all([engineVersion(docker), findCompose(env)]);
  if (!version.ok) return version;
  if (!compose.ok) return err(`engine ${version.value} answers, but ${compose.error}`);
  return ok({ engine: { docker, compose: composeRunner(compose.value.words, env) }, version: version.value });
}
