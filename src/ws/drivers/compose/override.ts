import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ok } from "../../../common/result.ts";
import { labelsOf, OTHER, PART_LABEL } from "../../compose/names.ts";
import type { Attempt } from "../../failure.ts";
import { type Request, servicesOf } from "../driver.ts";
import { overrideFiles, type Project, runCompose, stateOf } from "./project.ts";

/** Starts the services that only the user's compose.override.yaml has; with our label, `ws down` takes them as well. */
export async function startOthers(project: Project, request: Request, signal: AbortSignal): Attempt {
  if (overrideFiles(project, request.part).length === 0) return ok(undefined);
  const said = await runCompose(project, request, ["config", "--services"], { signal });
  if (!said.ok) return said;
  const ours = servicesOf(project.settings, "main");
  const others = said.value.split("\n").filter((name) => name !== "" && !ours.includes(name));
  if (others.length === 0) return ok(undefined);
  const labels = { ...labelsOf(project.settings, "main"), [PART_LABEL]: OTHER };
  const services = Object.fromEntries(others.map((name) => [name, { labels }]));
  const file = join(stateOf(project), "others.compose.yaml");
  writeFileSync(file, JSON.stringify({ services, networks: { default: { labels } } }));
  const started = await runCompose(project, request, ["-f", file, "up", "-d", "--no-deps", ...others], {
    signal,
  });
  return started.ok ? ok(undefined) : started;
}
