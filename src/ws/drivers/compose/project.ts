import { existsSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../../common/digest.ts";
import { readText } from "../../../common/files.ts";
import type { Result } from "../../../common/result.ts";
import { testVariables } from "../../compose/files.ts";
import {
  COMPOSE_FILE,
  composeProject,
  HEALTH_SOURCE_VARIABLE,
  NODE_SOURCE_VARIABLE,
  OVERRIDE_FILE,
  type Part,
  TEST_COMPOSE_FILE,
} from "../../compose/names.ts";
import { type Places, planHere } from "../../compose/write-files.ts";
import { machineFolder } from "../../state/machine.ts";
import type { Driver, Request } from "../driver.ts";
import { buildTexts } from "./base-images.ts";
import type { Engine, Refusal, RunCommand } from "./engine.ts";

/** One project of compose: where its things are, and how the engine is asked. */
export interface Project extends Places, Pick<Driver, "settings" | "env" | "secrets" | "stateDir"> {
  readonly engine: Engine;
  /** project.name when this cluster was started, if it has changed since. */
  readonly formerProject?: string | undefined;
  readonly signal?: AbortSignal;
}

/** The folder of ws's own copies of the compose files, and of kept logs. */
export const stateOf = ({ stateDir, settings }: Pick<Project, "stateDir" | "settings">): string =>
  settings.machine ? machineFolder(stateDir) : join(stateDir, "docker");

/** What the user has beside config.yaml for compose to merge into the main file. */
export const overrideFiles = (
  { configFolder, settings }: Pick<Project, "configFolder" | "settings">,
  part: Part,
): string[] =>
  part === "main" && !settings.machine
    ? [join(configFolder, OVERRIDE_FILE)].filter((file) => existsSync(file))
    : [];

/** Runs a compose command on ws's own copy of one of the two files; its paths are relative to the folder of config.yaml. */
export function runCompose(
  project: Project,
  { part, head }: Pick<Request, "part" | "head">,
  words: readonly string[],
  options?: Parameters<RunCommand>[1],
): Promise<Result<string, Refusal>> {
  const { engine, settings, configFolder, root } = project;
  const plan = part === "test" ? planHere(settings, project) : undefined;
  const env = {
    ...sourceVariables(root, buildTexts(project)),
    ...(plan?.ok ? testVariables(plan.value, head) : {}),
  };
  const place = [
    ...["-p", composeProject(settings, part), "--project-directory", configFolder],
    ...["-f", join(stateOf(project), part === "main" ? COMPOSE_FILE : TEST_COMPOSE_FILE)],
    ...overrideFiles(project, part).flatMap((file) => ["-f", file]),
  ];
  return engine.compose([...place, ...words], { ...options, env });
}

/** What the two Dockerfiles copy, and themselves. */
const NODE_SCRIPTS =
  "Dockerfile programs.sh install.sh profile.sh entrypoint.sh health-check.sh compile-cache.cjs compile.sh";
const SOURCES = {
  [NODE_SOURCE_VARIABLE]: [...NODE_SCRIPTS.split(" ").map((file) => `docker/${file}`), "dist/entrypoint.js"],
  [HEALTH_SOURCE_VARIABLE]: [
    "docker/health.Dockerfile",
    "docker/health-service-check.sh",
    "dist/health-server.js",
  ],
};

/**
 * A digest of what the images get from the checkout, under the names in which compose.yaml reads them. `builds`: what the
 * user's own builds are made from, which the nodes' images get as well.
 */
export const sourceVariables = (root: string, builds: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(SOURCES).map(([variable, files]) => [
      variable,
      digest(root, files, variable === NODE_SOURCE_VARIABLE ? builds : []),
    ]),
  );

/** A missing file is the build's to complain of. */
function digest(root: string, files: readonly string[], more: readonly string[]): string {
  const texts = files.map((file) => `${file}\0${readText(join(root, file)) ?? ""}\0`);
  return sha256([...texts, ...more].join("")).slice(0, 16);
}
