import * as z from "zod";
import { err, ok, type Result } from "../../../common/result.ts";
import {
  BASE_LABEL,
  HEALTH_SOURCE_VARIABLE,
  imageName,
  NODE_SOURCE_VARIABLE,
  SOURCE_LABEL,
} from "../../compose/names.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import type { Job } from "../../job.ts";
import { HEALTH_NAME, type Settings, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../settings.ts";
import { servicesOf } from "../driver.ts";
import { sourceVariables } from "./image-source.ts";
import { type Project, refused, runCompose } from "./project.ts";

const BUILD_LINES = 20;

/** Builds the images that the engine does not have or that were made from something else, or all of them when asked. */
export async function ensureImages(
  project: Project,
  job: Job,
  all: boolean,
): Promise<Result<void, WsFailure>> {
  const services = servicesOf(project.settings, "main");
  const reasons = await buildReasons(project, services);
  if (job.signal.aborted) return err(interrupted(job.signal));
  const wanted = services.filter((_, i) => all || reasons[i] !== undefined);
  if (wanted.length === 0) return ok(undefined);
  const named = services.flatMap((service, i) =>
    reasons[i] === undefined ? [] : [`${service}: ${reasons[i]}`],
  );
  const why = all || named.length === 0 ? "" : ` (${named.join("; ")})`;
  const what = `Building the images of ${wanted.join(", ")}${why}`;
  job.progress.begin("build", what);
  const onLine = (line: string) => job.progress.note("build", line.trim().slice(0, 80));
  const built = await runCompose(project, "main", ["build", ...wanted], { signal: job.signal, onLine });
  if (job.signal.aborted) return err(interrupted(job.signal));
  if (built.ok) job.progress.done("build", `Built the images of ${wanted.join(", ")}`);
  else job.progress.fail("build", what);
  if (built.ok) return ok(undefined);
  const lines = built.error.lines.slice(-BUILD_LINES);
  return refused(project, err({ ...built.error, lines }));
}

/** For each, why its image must be built; undefined if it is up to date. */
export const buildReasons = (project: Project, services: readonly string[]) =>
  Promise.all(services.map((service) => whyBuild(project, imageOwner(project.settings, service))));

/** For each, the id of its image; undefined if there is none. */
export const imageIds = ({ engine, settings }: Project, services: readonly string[]) =>
  Promise.all(
    services.map(async (service) => {
      const image = imageName(settings, imageOwner(settings, service));
      const answer = await engine.docker(["image", "inspect", "--format", "{{.Id}}", image]);
      return answer.ok ? /^sha256:[0-9a-f]+$/m.exec(answer.value)?.[0] : undefined;
    }),
  );

/** The test's two run the image of the first node. */
const imageOwner = ({ nodes: [first] }: Settings, service: string): string =>
  service === TEST_WORKER_NAME || service === TEST_CLIENT_NAME ? (first?.name ?? service) : service;

async function whyBuild(project: Project, service: string): Promise<string | undefined> {
  const { engine, settings, root } = project;
  const words = ["image", "inspect", "--format", "{{json .Config.Labels}}", imageName(settings, service)];
  const answer = await engine.docker(words);
  const variable = service === HEALTH_NAME ? HEALTH_SOURCE_VARIABLE : NODE_SOURCE_VARIABLE;
  return judgeImage(answer.ok ? readLabels(answer.value) : undefined, {
    base: settings.nodes.find(({ name }) => name === service)?.image,
    source: sourceVariables(root)[variable] ?? "",
  });
}

type ImageLabels = Readonly<Record<string, string>>;

/** The engine says `null` of an image without any. */
export function readLabels(text: string): ImageLabels {
  try {
    return z.record(z.string(), z.string()).nullable().parse(JSON.parse(text)) ?? {};
  } catch {
    // Labels that cannot be read are not those that we wrote.
    return {};
  }
}

/** Why an image with these labels has to be built; undefined where it is what would be built now. `labels` undefined: there is none. Pure. */
export function judgeImage(
  labels: ImageLabels | undefined,
  { base, source }: { readonly base: string | undefined; readonly source: string },
): string | undefined {
  if (labels === undefined) return "there is none yet";
  const was = labels[BASE_LABEL];
  if (base !== undefined && was !== base)
    return `it is made from ${was ?? "another image"}, config.yaml says ${base}`;
  return labels[SOURCE_LABEL] === source ? undefined : "dist/ or docker/ changed since it was built";
}
