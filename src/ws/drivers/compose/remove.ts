import { err, ok, type Result } from "../../../common/result.ts";
import type { Part } from "../../compose/names.ts";
import type { WsFailure } from "../../failure.ts";
import type { Leaving, Removed, Service } from "../driver.ts";
import { labelFilters, listContainers } from "./containers.ts";
import { CHANGE_MS } from "./engine.ts";
import { dropKeptLogs } from "./logs.ts";
import { type Project, refused } from "./project.ts";

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
export async function removeLeaving(
  project: Project,
  { part, names, volumes }: Leaving,
): Promise<Result<Removed, WsFailure>> {
  const found = await listContainers(project, part);
  if (!found.ok) return refused(project, found);
  const containers = found.value.filter(({ name }) => names?.includes(name) ?? true);
  const removed = await removeContainers(
    project,
    containers.map(({ ref }) => ref),
  );
  if (!removed.ok) return removed;
  if (names === undefined) {
    const networks = await removeLabelled(project, "network", part);
    if (!networks.ok) return networks;
  } else if (part !== undefined) {
    // After a failed start: another container may still need the network.
    const left = await listContainers(project, part);
    if (left.ok && left.value.length === 0) await removeLabelled(project, "network", part);
  }
  if (volumes) {
    const gone = await removeLabelled(project, "volume", part);
    if (!gone.ok) return gone;
    dropKeptLogs(project);
  }
  return ok({ names: containers.map(({ name }) => name), killed: 0 });
}

/** Removes containers, running or not. One that is gone already is what was wanted. */
async function removeContainers(project: Project, ids: readonly string[]): Promise<Result<void, WsFailure>> {
  if (ids.length === 0) return ok(undefined);
  const removed = await project.engine.docker(["rm", "--force", "--volumes", ...ids], {
    timeoutMs: CHANGE_MS,
  });
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
