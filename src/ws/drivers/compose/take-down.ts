import { err, ok, type Result } from "../../../common/result.ts";
import { type Shown, whileStopping } from "../../cluster/while-waiting.ts";
import { findHeads } from "../../cluster-view.ts";
import { PART_LABEL, type Part } from "../../compose/names.ts";
import { STOP_GRACE_S } from "../../compose/node-service.ts";
import type { WsFailure } from "../../failure.ts";
import { HEALTH_NAME } from "../../settings.ts";
import type { DownReport } from "../runtime.ts";
import { type DockerCluster, nodeAt, ownHeads, refused } from "./cluster.ts";
import { type Container, listContainers, projectFilter } from "./containers.ts";
import { CHANGE_MS } from "./engine.ts";

export interface Wanted {
  /** Only this part's containers and network; undefined: both. */
  readonly part: Part | undefined;
  readonly volumes: boolean;
}

/** What an engine gives a container that did not stop in time (128 + SIGKILL). */
const KILLED = 137;

/**
 * Stops and removes what carries the project's label, whoever made it and whatever config.yaml says now: containers,
 * networks and, if wanted, volumes. Nothing without that label is touched. An aborted `now` means at once: no draining.
 */
export async function takeDown(
  cluster: DockerCluster,
  { part, volumes }: Wanted,
  now: AbortSignal,
  shown?: Shown,
): Promise<Result<DownReport, WsFailure>> {
  const found = await listContainers(cluster, part);
  if (!found.ok) return refused(found);
  const killed = await stopInOrder(cluster, found.value, now, shown);
  // A killed `ws` may have left a compose that went on until just now: what it made since is found by another look.
  const late = await listContainers(cluster, part);
  if (!late.ok) return refused(late);
  const removed = await removeContainers(cluster, late.value);
  if (!removed.ok) return removed;
  const networks = await removeLabelled(cluster, "network", part);
  if (!networks.ok) return networks;
  const kept = volumes ? await removeLabelled(cluster, "volume", part) : ok(undefined);
  if (!kept.ok) return kept;
  const names = new Set([...found.value, ...late.value].map(({ service, name }) => service || name));
  return ok({ stopped: [...names], killed });
}

/** Workers leave while their HEAD still answers, the HEAD while it can still release its lease. Returns how many had to be killed. */
async function stopInOrder(
  cluster: DockerCluster,
  containers: readonly Container[],
  now: AbortSignal,
  shown: Shown | undefined,
): Promise<number> {
  const running = containers.filter((each) => each.running || each.status === "restarting");
  const [head] = running.length === 0 ? [] : await findHeads(ownHeads(cluster, running));
  const headName = head === undefined ? undefined : nodeAt(cluster, head.address)?.name;
  const placeOf = ({ service }: Container) => (service === HEALTH_NAME ? 2 : service === headName ? 1 : 0);
  for (const place of [0, 1, 2]) {
    const group = running.filter((each) => placeOf(each) === place);
    if (group.length === 0 || now.aborted) continue;
    const words = ["stop", ...group.map(({ id }) => id)];
    const waited = { names: group.map(({ service }) => service), limitMs: STOP_GRACE_S * 1000, now };
    await whileStopping(shown, waited, cluster.engine.docker(words, { signal: now, timeoutMs: CHANGE_MS }));
  }
  const after = await listContainers(cluster);
  const ids = new Set(running.map(({ id }) => id));
  return after.ok ? after.value.filter(({ id, exitCode }) => ids.has(id) && exitCode === KILLED).length : 0;
}

/** Stops and removes only these containers. */
export async function stopAndRemove(
  cluster: DockerCluster,
  containers: readonly Container[],
  now: AbortSignal,
  shown: Shown,
): Promise<Result<void, WsFailure>> {
  await stopInOrder(cluster, containers, now, shown);
  return removeContainers(cluster, containers);
}

/** Removes containers, running or not. One that is gone already is what was wanted. */
export async function removeContainers(
  { engine }: DockerCluster,
  containers: readonly Pick<Container, "id">[],
): Promise<Result<void, WsFailure>> {
  if (containers.length === 0) return ok(undefined);
  const words = ["rm", "--force", "--volumes", ...containers.map(({ id }) => id)];
  const removed = await engine.docker(words, { timeoutMs: CHANGE_MS });
  if (removed.ok || removed.error.lines.every((line) => /No such container|^[0-9a-f]{64}$/.test(line)))
    return ok(undefined);
  return refused(err(removed.error));
}

async function removeLabelled(
  { engine, projectName }: DockerCluster,
  kind: "network" | "volume",
  part: Part | undefined,
): Promise<Result<void, WsFailure>> {
  const filters = [
    projectFilter(projectName),
    ...(part === undefined ? [] : [`label=${PART_LABEL}=${part}`]),
  ];
  const words = filters.flatMap((filter) => ["--filter", filter]);
  const listed = await engine.docker([kind, "ls", "--quiet", ...words]);
  if (!listed.ok) return refused(listed);
  const names = listed.value.split("\n").filter((line) => /^[\w.-]+$/.test(line));
  if (names.length === 0) return ok(undefined);
  const removed = await engine.docker([kind, "rm", ...names], { timeoutMs: CHANGE_MS });
  return removed.ok ? ok(undefined) : refused(removed, inUse);
}

const inUse = (lines: readonly string[]): string | undefined =>
  lines.some((line) => /active endpoints|is in use|has containers/.test(line))
    ? "containers that are not ours still use it; stop or disconnect them, then run ws down again"
    : undefined;

/** Removes the part's network if nothing is in it; used after a failed start, where another container may still need it. */
export async function dropEmptyNetworks(cluster: DockerCluster, part: Part): Promise<void> {
  const left = await listContainers(cluster, part);
  if (left.ok && left.value.length === 0) await removeLabelled(cluster, "network", part);
}
