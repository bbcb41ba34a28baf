import { formatAddress } from "../../common/address.ts";
import type { Clock } from "../../common/deadline.ts";
import type { Failure } from "../../common/failure.ts";
import { short } from "../../common/output/units.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import type { Plan } from "./command.ts";
import type { OwnGcs } from "./own-gcs.ts";
import type { StartedRay } from "./ray.ts";
import type { Raylet } from "./session-processes.ts";

/** This node as its cluster sees it. */
export interface Membership {
  readonly clusterId: string;
  readonly version: string;
  readonly node: NodeInfo;
  readonly tookMs: number;
}

/** A look costs 3 ms on a warm channel, and the ready line may lag by no more than one look. */
const LOOK_EVERY_MS = 50;
/** To look for the raylet reads every process of the machine, and Ray needs the processors then. It takes longer to register. */
const SEARCH_EVERY_MS = 150;
const LOOK_TIMEOUT_MS = 1000;

/**
 * Waits until the GCS lists this very node as ALIVE; a process that exists proves nothing, and a node of this name may be
 * a leftover of an earlier run (with Redis a HEAD's GCS comes back with them, still ALIVE). A raylet that ended is never
 * listed; Ray itself waits half a minute for it and does not say why it ended (2.60): `rayletFault` tells. Null when `stop`
 * aborts first.
 */
export async function waitUntilReady(
  { nodeName, timeoutMs }: Plan["ready"],
  own: OwnGcs,
  ray: Pick<StartedRay, "names" | "rayletFault">,
  clock: Clock,
  stop: AbortSignal,
): Promise<Result<Membership, Failure> | null> {
  const began = clock.now();
  let raylet: Raylet | undefined;
  do {
    raylet ??= search(ray, own);
    const seen =
      raylet === undefined
        ? "`ray start` has started no raylet yet"
        : await look(nodeName, raylet.nodeId, own);
    const tookMs = clock.now() - began;
    if (typeof seen !== "string") return ok({ ...seen, tookMs });
    if (raylet?.endedAlone()) return err({ reason: "raylet-ended", ranMs: tookMs, saw: ray.rayletFault() });
    if (tookMs >= timeoutMs) return err({ reason: "not-ready-in-time", timeoutMs, why: seen });
  } while (await clock.pause(raylet === undefined ? SEARCH_EVERY_MS : LOOK_EVERY_MS, stop));
  return null;
}

/** The raylet, as soon as there is one; `own` is the GCS that Ray names from then on, which may be before. */
function search({ names }: Pick<StartedRay, "names">, own: OwnGcs): Raylet | undefined {
  const { gcs, raylet } = names();
  if (gcs !== undefined || raylet !== undefined) own.moveTo(gcs);
  return raylet;
}

/** What the GCS says of this node, or why it is not ready. */
async function look(
  name: string,
  nodeId: string,
  { client, address }: OwnGcs,
): Promise<Omit<Membership, "tookMs"> | string> {
  const nodes = await client.nodes(LOOK_TIMEOUT_MS);
  if (!nodes.ok) {
    const { kind, ...more } = nodes.error;
    const detail = "saw" in more ? `: ${more.saw}` : "detail" in more ? `: ${more.detail}` : "";
    return `the GCS at ${formatAddress(address)} does not answer (${kind}${detail})`;
  }
  const node = nodes.value.find((each) => each.nodeId === nodeId && each.alive);
  if (node === undefined) return `the GCS does not list this node (${name}, ${short(nodeId)}) as ALIVE`;
  const answers = [client.checkAlive([], LOOK_TIMEOUT_MS), client.clusterId(LOOK_TIMEOUT_MS)] as const;
  const [alive, clusterId] = await Promise.all(answers);
  if (!alive.ok || !clusterId.ok) return "the GCS stopped answering";
  return { clusterId: clusterId.value, version: alive.value.version, node };
}
