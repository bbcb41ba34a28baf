import { mkdirSync } from "node:fs";
import { err, ok, type Result } from "../../../common/result.ts";
import { testVariables } from "../../compose/files.ts";
import type { Generated } from "../../compose/generate.ts";
import { marked, replaceFile } from "../../compose/own-file.ts";
import { foreignFiles, generateHere } from "../../compose/write-files.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import { type Request, servicesOf } from "../driver.ts";
import { blockedBy, hasMoved, silentEngine } from "./blocked.ts";
import { type Container, isFromElsewhere, listContainers } from "./containers.ts";
import type { CommandOptions } from "./engine.ts";
import { imagesOf } from "./images.ts";
import { lookAround } from "./neighbours.ts";
import { type Project, refused, runCompose, stateOf } from "./project.ts";

interface ProjectSurvey {
  readonly generated: Generated;
  readonly changed: ReadonlyMap<string, string>;
  /** The network exists with another subnet. */
  readonly moved: boolean;
}

/** Writes ws's own copies of the compose files, and compares what exists with them. */
export async function surveyProject(
  project: Project,
  request: Request,
): Promise<Result<ProjectSurvey, WsFailure>> {
  const prepared = await prepareFiles(project);
  if (!prepared.ok) return prepared;
  const generated = prepared.value;
  const around = await lookAround(project.engine);
  if (project.signal?.aborted) return err(interrupted(project.signal));
  if (!around.ok) return err({ reason: "machine-not-ready", problems: [silentEngine(around.error)] });
  const problems = blockedBy(project, generated.plan, request.part, around.value);
  if (problems.length > 0) return err({ reason: "machine-not-ready", problems });
  const changed = await changes(project, request, variablesOf(request, generated.plan));
  if (!changed.ok) return changed;
  return ok({ generated, changed: changed.value, moved: hasMoved(project, around.value) });
}

/** What compose reads from its environment for this part. */
export const variablesOf = (
  { part, head }: Request,
  plan: Generated["plan"],
): Readonly<Record<string, string>> => (part === "main" ? {} : testVariables(plan, head));

/**
 * The compose files that compose reads, in ws's own folder: those beside config.yaml may be changed by a user or
 * another ws during the run.
 */
async function prepareFiles(project: Project): Promise<Result<Generated, WsFailure>> {
  const generated = generateHere(project.settings, project);
  if (!generated.ok) return generated;
  const folders = [project.configFolder, stateOf(project)];
  const foreign = await Promise.all(folders.map((folder) => foreignFiles(generated.value, folder)));
  if (foreign.flat().length > 0) return err({ reason: "not-our-files", files: foreign.flat() });
  mkdirSync(stateOf(project), { recursive: true });
  for (const { name, text } of generated.value.files) await replaceFile(stateOf(project), name, marked(text));
  return generated;
}

/** What decides whether a container stays: what compose itself compares, and what the images are made from. */
interface Wanted {
  /** Why its image must be built; undefined if it is up to date. */
  readonly build: string | undefined;
  readonly imageId: string | undefined;
  readonly configHash: string | undefined;
}

/** The services whose containers must be replaced, and why. */
async function changes(
  project: Project,
  { part, build }: Request,
  env: NonNullable<CommandOptions["env"]>,
): Promise<Result<ReadonlyMap<string, string>, WsFailure>> {
  const services = servicesOf(project.settings, part);
  const [found, hashed, images] = await Promise.all([
    listContainers(project, part),
    runCompose(project, part, ["config", "--hash", services.join(",")], { env }),
    imagesOf(project, services),
  ]);
  if (!found.ok) return refused(project, found);
  if (!hashed.ok) return refused(project, hashed);
  const hashes = new Map(
    [...hashed.value.matchAll(/^(\S+) ([0-9a-f]{64})\s*$/gm)].map(([, name = "", hash = ""]) => [name, hash]),
  );
  const why = services.flatMap((service, i): [string, string][] => {
    const container = found.value.find((each) => each.service === service);
    const image = images[i];
    const wanted = {
      build: image?.build ?? (build ? "--build" : undefined),
      imageId: image?.id,
      configHash: hashes.get(service),
    };
    const reason = container && whyReplaced(container, wanted, project.configFolder);
    return reason === undefined ? [] : [[service, reason]];
  });
  return ok(new Map(why));
}

/** Why a container must be replaced; undefined: it stays. Pure. */
export function whyReplaced(
  { imageId, configHash, folder }: Pick<Container, "imageId" | "configHash" | "folder">,
  wanted: Wanted,
  configFolder: string,
): string | undefined {
  if (wanted.build !== undefined) return `its image is rebuilt: ${wanted.build}`;
  if (wanted.imageId !== undefined && wanted.imageId !== imageId) return "its image was rebuilt";
  if (wanted.configHash === configHash) return undefined;
  return isFromElsewhere({ folder }, configFolder)
    ? `it was started from ${folder}, with other settings`
    : "config.yaml, ws or the shell's tokens changed since it was started";
}
