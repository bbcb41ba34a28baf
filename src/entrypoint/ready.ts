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

/** The ids of the nodes that already carry this node's name: leftovers of an earlier life, which must not count as ready. */
export async function formerIds(gcs: GcsClient, nodeName: string): Promise<ReadonlySet<string>> {
  const nodes = await gcs.nodes({ name: nodeName }, LOOK_TIMEOUT_MS);
  return new Set(nodes.ok ? nodes.value.map((node) => node.nodeId) : []);
}

/** Waits until the GCS lists this very node as ALIVE; a process that exists proves nothing. `stop` ends the wait. */
export async function waitUntilReady(
  plan: Plan["ready"],
  gcs: GcsClient,
  former: ReadonlySet<string>,
  stop: AbortSignal,
): Promise<Result<Membership, Failure> | null> {
  const began = monotonicMs();
  const deadline = deadlineIn(plan.timeoutMs);
  let why = "the GCS was not seen";
  while (!stop.aborted) {
    const seen = await look(plan, gcs, former);
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
  former: ReadonlySet<string>,
): Promise<Result<Omit<Membership, "tookMs">, string>> {
  const nodes = await gcs.nodes({ name: plan.nodeName, aliveOnly: true }, LOOK_TIMEOUT_MS);
  if (!nodes.ok)
    return err(`the GCS at ${plan.gcs.host}:${plan.gcs.port} does not answer (${nodes.error.kind})`);
  const node = nodes.value.find((each) => !former.has(each.nodeId));
  if (node === undefined) return err(`the GCS lists no living node named ${plan.nodeName} that is new`);
  const [alive, clusterId] = await Promise.all([
    gcs.checkAlive([], LOOK_TIMEOUT_MS),
    gcs.clusterId(LOOK_TIMEOUT_MS),
  ]);
  if (!alive.ok || !clusterId.ok) return err("the GCS stopped answering");
  return ok({ clusterId: clusterId.value, version: alive.value.version, node });
}
