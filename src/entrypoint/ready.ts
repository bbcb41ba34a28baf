import { deadlineIn, monotonicMs, pause } from "../common/deadline.ts";
import type { Failure } from "../common/failure.ts";
import type { GcsClient, NodeInfo } from "../common/gcs/client.ts";
import { err, ok, type Result } from "../common/result.ts";
import type { Plan } from "./plan.ts";

/** This node as its cluster sees it. */
export interface Membership {
  readonly clusterId: string;
  readonly version: string;
  readonly node: NodeInfo;
  readonly tookMs: number;
}

/** A look costs 3 ms on a warm channel, and the ready line may lag by no more than one look. */
const LOOK_EVERY_MS = 50;
const LOOK_TIMEOUT_MS = 1000;

/** Tells a node of this life from a leftover of an earlier one, which must not count as ready. */
export type IsNew = (node: NodeInfo) => boolean;

/**
 * To be called right before `ray start`. A WORKER asks its HEAD which nodes carry its name already. A HEAD's own GCS is
 * not there yet, and with Redis it comes back with the nodes of its last life, still ALIVE: they joined before now, by
 * the same clock. Where the GCS does not say when (0), any node counts.
 */
export async function tellNew({ role, ready }: Pick<Plan, "role" | "ready">, gcs: GcsClient): Promise<IsNew> {
  const now = Date.now();
  if (role === "head") return ({ startedAtMs }) => startedAtMs === 0 || startedAtMs >= now;
  const nodes = await gcs.nodes({ name: ready.nodeName }, LOOK_TIMEOUT_MS);
  const former = new Set(nodes.ok ? nodes.value.map((node) => node.nodeId) : []);
  return ({ nodeId }) => !former.has(nodeId);
}

/** Waits until the GCS lists this very node as ALIVE; a process that exists proves nothing. `stop` ends the wait. */
export async function waitUntilReady(
  plan: Plan["ready"],
  gcs: GcsClient,
  isNew: IsNew,
  stop: AbortSignal,
): Promise<Result<Membership, Failure> | null> {
  const began = monotonicMs();
  const deadline = deadlineIn(plan.timeoutMs);
  let why = "the GCS was not seen";
  while (!stop.aborted) {
    const seen = await look(plan, gcs, isNew);
    if (seen.ok) return ok({ ...seen.value, tookMs: monotonicMs() - began });
    why = seen.error;
    if (deadline.expired()) return err({ reason: "not-ready-in-time", timeoutMs: plan.timeoutMs, why });
    await pause(LOOK_EVERY_MS, stop);
  }
  return null;
}

async function look(
  plan: Plan["ready"],
  gcs: GcsClient,
  isNew: IsNew,
): Promise<Result<Omit<Membership, "tookMs">, string>> {
  const nodes = await gcs.nodes({ name: plan.nodeName, aliveOnly: true }, LOOK_TIMEOUT_MS);
  if (!nodes.ok)
    return err(`the GCS at ${plan.gcs.host}:${plan.gcs.port} does not answer (${nodes.error.kind})`);
  const node = nodes.value.find(isNew);
  if (node === undefined) return err(`the GCS lists no living node named ${plan.nodeName} that is new`);
  const [alive, clusterId] = await Promise.all([
    gcs.checkAlive([], LOOK_TIMEOUT_MS),
    gcs.clusterId(LOOK_TIMEOUT_MS),
  ]);
  if (!alive.ok || !clusterId.ok) return err("the GCS stopped answering");
  return ok({ clusterId: clusterId.value, version: alive.value.version, node });
}
