import { err, ok, type Result } from "../../../common/result.ts";
import { imageName, type Part } from "../../compose/names.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import type { Job } from "../runtime.ts";
import { likelyCause } from "./causes.ts";
import { type DockerCluster, refused, runCompose, servicesOf } from "./cluster.ts";

/** Builds the images that the engine does not have, or all of them when asked. */
export async function ensureImages(
  cluster: DockerCluster,
  job: Job,
  all: boolean,
): Promise<Result<void, WsFailure>> {
  const part: Part = "main";
  const services = servicesOf(cluster, part);
  const there = await Promise.all(services.map((service) => exists(cluster, service)));
  const wanted = services.filter((_, i) => all || !there[i]);
  if (wanted.length === 0) return ok(undefined);
  const what = `Building the images of ${wanted.join(", ")}`;
  job.progress.begin("build", what);
  const onLine = (line: string) => job.progress.note("build", line.trim().slice(0, 80));
  const built = await runCompose(cluster, part, ["build", ...wanted], { signal: job.signal, onLine });
  if (job.signal.aborted) return err(interrupted(job.signal));
  if (built.ok) job.progress.done("build", `Built the images of ${wanted.join(", ")}`);
  else job.progress.fail("build", what);
  if (built.ok) return ok(undefined);
  const lines = built.error.lines.slice(-BUILD_LINES);
  return refused(err({ ...built.error, lines }), likelyCause);
}

const BUILD_LINES = 20;

async function exists({ engine, settings }: DockerCluster, service: string): Promise<boolean> {
  const words = ["image", "inspect", "--format", "{{.Id}}", imageName(settings, service)];
  return (await engine.docker(words)).ok;
}
