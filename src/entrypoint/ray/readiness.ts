import { formatAddress } from "../../common/address.ts";
import type { Clock } from "../../common/deadline.ts";
import type { Failure } from "../../common/failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { GcsFailure } from "../../gcs/answer.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import type { Plan } from "./command.ts";
import type { OwnGcs } from "./own-gcs.ts";
import type { RayProcess } from "./ray.ts";

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
  ray: Pick<RayProcess, "nodeId">,
  clock: Clock,
  stop: AbortSignal,
): Promise<Result<Membership, Failure> | null> {
  const began = clock.now();
  const late = (why: string) => err({ reason: "not-ready-in-time", timeoutMs: plan.timeoutMs, why } as const);
  const named = ray.nodeId((address) => gcs.moveTo(address), stop);
  const nodeId = await Promise.race([named, clock.pause(plan.timeoutMs, stop)]);
  if (nodeId === true) return late("`ray start` has started no raylet yet");
  if (!nodeId) return null;
  while (!stop.aborted) {
    const seen = await look(plan.nodeName, nodeId, gcs);
    const tookMs = clock.now() - began;
    if (seen.ok) return ok({ ...seen.value, tookMs });
    if (tookMs >= plan.timeoutMs) return late(seen.error);
    await clock.pause(LOOK_EVERY_MS, stop);
  }
  return null;
}

async function look(
  name: string,
  nodeId: string,
  gcs: OwnGcs,
): Promise<Result<Omit<Membership, "tookMs">, string>> {
  const nodes = await gcs.nodes({ name, aliveOnly: true }, LOOK_TIMEOUT_MS);
  if (!nodes.ok)
    return err(`the GCS at ${formatAddress(gcs.address)} does not answer (${describe(nodes.error)})`);
  const node = nodes.value.find((each) => each.nodeId === nodeId);
  if (node === undefined)
    return err(`the GCS does not list this node (${name}, ${nodeId.slice(0, 8)}) as ALIVE`);
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
