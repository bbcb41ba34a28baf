import { mkdirSync } from "node:fs";
import type { Problem } from "../../../common/failure.ts";
import { err, ok } from "../../../common/result.ts";
import type { HostPlan } from "../../compose/host-plan.ts";
import { foreignFiles, planHere, writeComposeFiles } from "../../compose/write-files.ts";
import { type Attempt, interrupted } from "../../failure.ts";
import { type Request, type Survey, servicesOf } from "../driver.ts";
import { blockedBy, hasMoved } from "./conflicts.ts";
import { type Container, listContainers } from "./containers.ts";
import { imagesOf } from "./images.ts";
import { lookAround } from "./neighbours.ts";
import { overrideFiles, type Project, runCompose, stateOf } from "./project.ts";

/** Writes ws's own copies of the compose files, and compares what exists with them. `moved`: the network's subnet differs. */
export async function surveyProject(
  project: Project,
  request: Request,
): Attempt<Omit<Survey, "replaces"> & { readonly moved: boolean }> {
  const planned = await prepareFiles(project);
  if (!planned.ok) return planned;
  const plan = planned.value;
  const [around, found] = await Promise.all([
    lookAround(project.engine, project.settings.machine === undefined),
    changes(project, request),
  ]);
  if (project.signal?.aborted) return err(interrupted(project.signal));
  const problems = around.ok
    ? blockedBy(project, plan, request.part, around.value)
    : [silentEngine(around.error)];
  if (!around.ok || problems.length > 0) return err({ reason: "machine-not-ready", problems });
  if (!found.ok) return found;
  return ok({ ...found.value, warnings: plan.warnings, moved: hasMoved(project.settings, around.value) });
}

const silentEngine = (why: string): Problem => ({
  where: "The Docker engine",
  problem: `does not list its containers and networks: ${why}`,
  fix: "Check that docker ps and docker network ls work, then run the command again.",
});

/** Compose reads copies in ws's own folder: the files beside config.yaml may be changed by others during the run. */
async function prepareFiles(project: Project): Attempt<HostPlan> {
  const plan = planHere(project.settings, project);
  if (!plan.ok) return plan;
  const files = project.settings.machine ? [] : await foreignFiles(project.configFolder);
  if (files.length > 0) return err({ reason: "not-our-files", files });
  const copies = stateOf(project);
  mkdirSync(copies, { recursive: true });
  const written = await writeComposeFiles(plan.value, copies, { check: false });
  return written.ok ? plan : written;
}

async function changes(
  project: Project,
  request: Request,
): Attempt<Pick<Survey, "there" | "changed" | "stale">> {
  const services = servicesOf(project.settings, request.part);
  const [found, images] = await Promise.all([listContainers(project, request.part), imagesOf(project)]);
  if (!found.ok) return found;
  // Nothing to compare where nothing exists. What is wrong with the user's own file is said before images are built.
  const isAsked = found.value.length > 0 || overrideFiles(project, request.part).length > 0;
  const hash = ["config", "--hash", services.join(",")];
  const hashed = isAsked ? await runCompose(project, request, hash) : ok("");
  if (!hashed.ok) return hashed;
  const lines = hashed.value.matchAll(/^(\S+) ([0-9a-f]{64})\s*$/gm);
  const hashes = new Map([...lines].map(([, name = "", hash = ""]) => [name, hash]));
  // The test's two run the image of the first node.
  const first = images.get(project.settings.nodes[0]?.name ?? "");
  const changed = services.flatMap((name): [string, string][] => {
    const container = found.value.find((each) => each.name === name);
    const { id: imageId, build = request.build ? "--build" : undefined } = images.get(name) ?? first ?? {};
    const reason = container && whyReplaced(container, { build, imageId, configHash: hashes.get(name) });
    return reason === undefined ? [] : [[name, reason]];
  });
  const stale = [...images].flatMap(([name, { build }]): [string, string][] =>
    build ? [[name, build]] : [],
  );
  return ok({ there: found.value, changed: new Map(changed), stale: new Map(stale) });
}

/** Why a container must be replaced; undefined: it stays. `wanted`: what compose itself compares, and why its image is built. Pure. */
export function whyReplaced(
  { imageId, configHash, elsewhere }: Pick<Container, "imageId" | "configHash" | "elsewhere">,
  wanted: Readonly<Record<"build" | "imageId" | "configHash", string | undefined>>,
): string | undefined {
  if (wanted.build !== undefined) return `its image is rebuilt: ${wanted.build}`;
  if (wanted.imageId !== undefined && wanted.imageId !== imageId) return "its image was rebuilt";
  if (wanted.configHash === configHash) return undefined;
  return elsewhere === undefined
    ? "config.yaml, ws or the shell's tokens changed since it was started"
    : `it was started from ${elsewhere}, with other settings`;
}
