import { existsSync, readFileSync } from "node:fs";
import { renderProblems } from "../../common/render-failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { WsFailure } from "../failure.ts";
import { readSettings, type Settings } from "../settings.ts";
import { embeddedRuntime } from "./embedded/runtime.ts";
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
  const settings = loadSettings(context, options.configFile);
  if (!settings.ok) return settings;
  const { env, dist } = context;
  const { stateDir, venvDir } = options;
  const choice = choose(options.runtime);
  if (!choice.ok) return choice;
  const runtime = embeddedRuntime({ settings: settings.value, env, stateDir, venvDir, dist });
  return ok({ settings: settings.value, runtime, why: choice.value });
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

function choose(asked: GlobalOptions["runtime"]): Result<string, WsFailure> {
  if (asked === "docker")
    return err({ reason: "runtime-not-available", runtime: "docker", why: "this version does not bring it" });
  return ok(asked === "embedded" ? "asked for with --runtime" : "the only runtime of this version");
}
