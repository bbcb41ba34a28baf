import { existsSync } from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "../../../common/result.ts";
import { type HostPlan, planHost } from "../../compose/host-plan.ts";
import { COMPOSE_FILE, composeProject, type Part, TEST_COMPOSE_FILE } from "../../compose/names.ts";
import { readHostFacts } from "../../compose/read-host.ts";
import type { Settings } from "../../config/settings.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import { secretsFile } from "../../state/secrets.ts";
import { likelyCause } from "../causes.ts";
import type { CommandOptions, Engine, Refusal } from "./engine.ts";
import { sourceVariables } from "./image-source.ts";

/** One project of compose: where its things are, and how the engine is asked. */
export interface Project {
  readonly settings: Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** config.yaml, beside which the compose files are written. */
  readonly configFile: string;
  readonly configFolder: string;
  /** The checkout, from which the images are built. */
  readonly root: string;
  readonly stateDir: string;
  readonly engine: Engine;
  /** project.name when this cluster was started, if it has changed since. */
  readonly formerProject?: string | undefined;
  /** Ends questions to the engine. */
  readonly signal?: AbortSignal;
}

/** The folder of ws's own copies of the compose files, and of kept logs. */
export const stateOf = ({ stateDir }: Pick<Project, "stateDir">): string => join(stateDir, "docker");

/** What the settings become on this machine. */
export function hostPlanOf({
  settings,
  configFile,
}: Pick<Project, "settings" | "configFile">): Result<HostPlan, WsFailure> {
  const plan = planHost(settings, { ...readHostFacts(), buildContext: "." });
  return plan.ok ? plan : err({ reason: "bad-settings", file: configFile, problems: plan.error });
}

/**
 * Runs a compose command on ws's own copy of one of the two files; paths in it are relative to the folder of
 * config.yaml.
 */
export const runCompose = (
  project: Project,
  part: Part,
  words: readonly string[],
  options?: CommandOptions,
): Promise<Result<string, Refusal>> => {
  const { engine, settings, configFolder, root, stateDir } = project;
  const file = join(stateOf(project), part === "main" ? COMPOSE_FILE : TEST_COMPOSE_FILE);
  const env = { ...sourceVariables(root), ...options?.env };
  const secrets = secretsFile(stateDir, "docker");
  // Replaces `.env`, which ws has read itself: a cluster keeps what it was started with.
  const envFile = existsSync(secrets) ? ["--env-file", secrets] : [];
  const folder = ["--project-directory", configFolder, ...envFile];
  const place = ["-p", composeProject(settings, part), ...folder, "-f", file];
  return engine.compose([...place, ...words], { ...options, env });
};

/** The engine's refusal as a failure of `ws`; a question that Ctrl-C ended is none. */
export function refused<T>(
  { signal }: Pick<Project, "signal">,
  answer: Result<T, Refusal>,
  causeOf = likelyCause,
): Result<T, WsFailure> {
  if (answer.ok) return ok(answer.value);
  if (signal?.aborted) return err(interrupted(signal));
  return err({ reason: "engine-refused", ...answer.error, cause: causeOf(answer.error.lines) });
}
