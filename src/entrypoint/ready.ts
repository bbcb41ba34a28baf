import { formatAddress } from "../common/address.ts";
import { deadlineIn, monotonicMs, pause } from "../common/deadline.ts";
import type { Failure } from "../common/failure.ts";
import { err, ok, type Result } from "../common/result.ts";
import type { GcsFailure, NodeInfo } from "../gcs/client.ts";
import type { OwnGcs } from "./own-gcs.ts";
import type { Plan } from "./plan.ts";
import type { Raylet } from "./processes.ts";

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

/**
 * Waits until the GCS lists this very node as ALIVE; a process that exists proves nothing, and a node of this name may be
 * a leftover of an earlier life (with Redis a HEAD's GCS comes back with them, still ALIVE). `stop` ends the wait.
 */
export async function waitUntilReady(
  plan: Plan["ready"],
  gcs: OwnGcs,
  ownRaylet: () => Raylet | null,
  stop: AbortSignal,
): Promise<Result<Membership, Failure> | null> {
  const began = monotonicMs();
  const deadline = deadlineIn(plan.timeoutMs);
  let why = "the GCS was not seen";
  while (!stop.aborted) {
    const seen = await look(plan, gcs, ownRaylet());
    if (seen.ok) return ok({ ...seen.value, tookMs: monotonicMs() - began });
    why = seen.error;
    if (deadline.expired()) return err({ reason: "not-ready-in-time", timeoutMs: plan.timeoutMs, why });
    await pause(LOOK_EVERY_MS, stop);
  }
  return null;
}

async function look(
  plan: Plan["ready"],
  gcs: OwnGcs,
  raylet: Raylet | null,
): Promise<Result<Omit<Membership, "tookMs">, string>> {
  if (raylet === null) return err("`ray start` has started no raylet yet");
  gcs.moveTo(raylet.gcs);
  const nodes = await gcs.nodes({ name: plan.nodeName, aliveOnly: true }, LOOK_TIMEOUT_MS);
  if (!nodes.ok)
    return err(`the GCS at ${formatAddress(gcs.address)} does not answer (${describe(nodes.error)})`);
  const own = raylet.nodeId;
  const node = nodes.value.find(({ nodeId }) => nodeId === own);
  if (node === undefined)
    return err(`the GCS does not list this node (${plan.nodeName}, ${own.slice(0, 8)}) as ALIVE`);
  const [alive, clusterId] = await Promise.all([
    gcs.checkAlive([], LOOK_TIMEOUT_MS),
    gcs.clusterId(LOOK_TIMEOUT_MS),
  ]);
  if (!alive.ok || !clusterId.ok) return err("the GCS stopped answering");
  return ok({ clusterId: clusterId.value, version: alive.value.version, node });
}

function describe(failure: GcsFailure): string {
  const detail = "saw" in failure ? failure.saw : "detail" in failure ? failure.detail : null;
  return detail === null ? failure.kind : `${failure.kind}: ${detail}`;
}
