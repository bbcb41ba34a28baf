import { err, ok, type Result } from "../../../common/result.ts";
import type { Part } from "../../compose/names.ts";
import type { WsFailure } from "../../failure.ts";
import type { Leaving, Removed, Service } from "../driver.ts";
import { type Container, labelFilters, listContainers } from "./containers.ts";
import { CHANGE_MS } from "./engine.ts";
import { dropKeptLogs } from "./kept-logs.ts";
import { type Project, refused } from "./project.ts";
import { nameOf } from "./services.ts";

/** What an engine gives a container that did not stop in time (128 + SIGKILL). */
const KILLED = "137";

/** Returns how many had to be killed. A paused container cannot stop by itself. */
export async function stopContainers(
  { engine }: Project,
  services: readonly Service[],
  now: AbortSignal,
): Promise<number> {
  const ids = services.filter(({ status }) => status !== "paused").map(({ ref }) => ref);
  if (ids.length === 0) return 0;
  await engine.docker(["stop", ...ids], { signal: now, timeoutMs: CHANGE_MS });
  const codes = await engine.docker(["inspect", "--format", "{{.State.ExitCode}}", ...ids]);
  return codes.ok ? codes.value.split("\n").filter((code) => code === KILLED).length : 0;
}

/**
 * Removes what carries the project's label, whoever made it and whatever config.yaml says now: containers, networks and, if
 * wanted, volumes. Nothing without that label is touched.
 */
export async function removeLeaving(project: Project, leaving: Leaving): Promise<Result<Removed, WsFailure>> {
  const part = "part" in leaving ? leaving.part : undefined;
  const found = await listContainers(project, part);
  if (!found.ok) return refused(project, found);
  const containers = found.value.filter(
    (each) => !("names" in leaving) || leaving.names.includes(nameOf(each)),
  );
  const removed = await removeContainers(project, containers);
  const rest = removed.ok ? await removeRest(project, leaving) : removed;
  return rest.ok ? ok({ names: containers.map(nameOf), killed: 0 }) : rest;
}

async function removeRest(project: Project, leaving: Leaving): Promise<Result<void, WsFailure>> {
  if ("names" in leaving) {
    if (leaving.emptied !== undefined) await dropEmptyNetwork(project, leaving.emptied);
    return ok(undefined);
  }
  const { part, volumes } = leaving;
  const networks = await removeLabelled(project, "network", part);
  if (!networks.ok || !volumes) return networks;
  const removed = await removeLabelled(project, "volume", part);
  if (removed.ok) dropKeptLogs(project);
  return removed;
}

/** Removes containers, running or not. One that is gone already is what was wanted. */
async function removeContainers(
  project: Project,
  containers: readonly Container[],
): Promise<Result<void, WsFailure>> {
  if (containers.length === 0) return ok(undefined);
  const words = ["rm", "--force", "--volumes", ...containers.map(({ id }) => id)];
  const removed = await project.engine.docker(words, { timeoutMs: CHANGE_MS });
  if (removed.ok || removed.error.lines.every((line) => /No such container|^[0-9a-f]{64}$/.test(line)))
    return ok(undefined);
  return refused(project, err(removed.error), () => undefined);
}

async function removeLabelled(
  project: Project,
  kind: "network" | "volume",
  part: Part | undefined,
): Promise<Result<void, WsFailure>> {
  const { docker } = project.engine;
  const listed = await docker([kind, "ls", "--quiet", ...labelFilters(project.settings, part)]);
  if (!listed.ok) return refused(project, listed);
  const names = listed.value.split("\n").filter((line) => /^[\w.-]+$/.test(line));
  if (names.length === 0) return ok(undefined);
  const removed = await docker([kind, "rm", ...names], { timeoutMs: CHANGE_MS });
  return removed.ok ? ok(undefined) : refused(project, removed, inUse);
}

const inUse = (lines: readonly string[]): string | undefined =>
  lines.some((line) => /active endpoints|is in use|has containers/.test(line))
    ? "containers that are not ours still use it; stop or disconnect them, then run ws down again"
    : undefined;

/** After a failed start: another container may still need the network. */
async function dropEmptyNetwork(project: Project, part: Part): Promise<void> {
  const left = await listContainers(project, part);
  if (left.ok && left.value.length === 0) await removeLabelled(project, "network", part);
}
