import * as z from "zod/mini";
import { attempt, err, ok } from "../../../common/result.ts";
import {
  BASE_LABEL,
  CARRIER_VARIABLE,
  HEALTH_SOURCE_VARIABLE,
  imageName,
  imageOwner,
  NODE_SOURCE_VARIABLE,
  SOURCE_LABEL,
} from "../../compose/names.ts";
import { HEALTH_NAME } from "../../config/settings.ts";
import { type Attempt, interrupted } from "../../failure.ts";
import type { Job } from "../../output/progress.ts";
import { type Request, type Survey, servicesOf } from "../driver.ts";
import type { RunOptions } from "../run-program.ts";
import { buildTexts, makeBase } from "./base-images.ts";
import { type Refusal, refusal } from "./engine.ts";
import { type Project, runCompose, sourceVariables } from "./project.ts";

/** Builds the images that the engine does not have or that were made from something else, or all of them when asked. */
export async function ensureImages(
  project: Project,
  request: Request,
  stale: Survey["stale"],
  { signal, progress }: Pick<Job, "signal" | "progress">,
): Attempt {
  if (signal.aborted) return err(interrupted(signal));
  const names = request.build ? servicesOf(project.settings, "main") : [...stale.keys()];
  if (names.length === 0) return ok(undefined);
  const what = `Building the images of ${request.build ? names.join(", ") : withReasons(stale)}`;
  progress.begin("build", what);
  const onLine = (line: string) => progress.note("build", line.trim().slice(0, 80));
  const built = await build(project, request, names, { signal, onLine });
  if (signal.aborted) return err(interrupted(signal));
  if (built.ok) progress.done("build", `Built the images of ${names.join(", ")}`);
  else progress.fail("build", what);
  return built;
}

/** Services that have the same reason stand together. Pure. */
export function withReasons(stale: Survey["stale"]): string {
  const groups = Object.entries(Object.groupBy(stale.keys(), (name) => stale.get(name) ?? ""));
  return groups.map(([why, names = []]) => `${names.join(", ")} (${why})`).join("; ");
}

/** The user of a node's image where nothing else is said (docker/Dockerfile). */
const USUAL_USER = "ray";

/** First what the images are made from, since its user is theirs; then each image once, those with one user together. */
async function build(
  project: Project,
  request: Request,
  services: readonly string[],
  how: Pick<RunOptions, "signal" | "onLine">,
): Attempt {
  const { settings } = project;
  // Where ws runs in the carrier, that image has all that the build wants of Node's.
  const carrier = project.env[CARRIER_VARIABLE];
  const parts = carrier === undefined ? [] : ["--build-arg", `NODE_IMAGE=${carrier}`];
  const byUser = new Map<string, string[]>();
  for (const name of services.filter((each) => imageOwner(settings, each) === each)) {
    const base = settings.nodes.find((each) => each.name === name)?.base;
    const user = base === undefined ? ok(USUAL_USER) : await makeBase(project, base, how);
    if (!user.ok) return user;
    byUser.set(user.value, [...(byUser.get(user.value) ?? []), name]);
  }
  for (const [user, names] of byUser) {
    const as = user === USUAL_USER ? [] : ["--build-arg", `RAY_USER=${user}`];
    const words = ["build", ...parts, ...as, ...names];
    const built = await runCompose(project, { ...request, part: "main" }, words, how);
    if (!built.ok) return err(withSteps(built.error));
  }
  return ok(undefined);
}

const LAST_LINES = 10;

/** Which step of a build failed, and why, some builders say on standard output alone. Pure. */
export const withSteps = ({ command, lines, stdout }: Refusal): Refusal =>
  refusal(command, [...stdout.trim().split("\n").slice(-LAST_LINES), ...lines]);

/** The image of each service; the engine is asked once for one that several run. */
export async function imagesOf(project: Project) {
  const { settings, root } = project;
  const sources = sourceVariables(root, buildTexts(project));
  const sharing = Map.groupBy(servicesOf(settings, "main"), (name) => imageOwner(settings, name));
  const images = [...sharing].map(async ([owner, names]) => {
    const variable = owner === HEALTH_NAME ? HEALTH_SOURCE_VARIABLE : NODE_SOURCE_VARIABLE;
    const image = await imageOf(project, owner, sources[variable] ?? "");
    return names.map((name) => [name, image] as const);
  });
  return new Map((await Promise.all(images)).flat());
}

async function imageOf({ engine, settings }: Project, service: string, source: string) {
  const format = "{{.Id}} {{json .Config.Labels}}";
  const answer = await engine.docker(["image", "inspect", "--format", format, imageName(settings, service)]);
  const [, id, labels = ""] = (answer.ok && /^((?:sha256:)?[0-9a-f]+) (.*)$/m.exec(answer.value)) || [];
  const build = judgeImage(id === undefined ? undefined : readLabels(labels), {
    base: settings.nodes.find(({ name }) => name === service)?.base.image,
    source,
  });
  return { id, build };
}

type ImageLabels = Readonly<Record<string, string>>;

/** The engine says `null` of an image without any; those that cannot be read are not those that we wrote. Pure. */
export const readLabels = (text: string): ImageLabels =>
  attempt(() => z.record(z.string(), z.string()).parse(JSON.parse(text))) ?? {};

/** Why an image has to be built; undefined where it is what would be built now. No labels: there is no image. Pure. */
export function judgeImage(
  labels: ImageLabels | undefined,
  { base, source }: { readonly base: string | undefined; readonly source: string },
): string | undefined {
  if (labels === undefined) return "there is none yet";
  const was = labels[BASE_LABEL];
  if (base !== undefined && was !== base)
    return `it is made from ${was ?? "another image"}, config.yaml says ${base}`;
  return labels[SOURCE_LABEL] === source
    ? undefined
    : "dist/, docker/ or a Dockerfile changed since it was built";
}
