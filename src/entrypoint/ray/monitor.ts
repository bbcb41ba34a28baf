import type { GcsClient, NodeInfo } from "../../gcs/client.ts";
import { Search } from "../election/search.ts";
import type { Plan } from "./command.ts";
import type { OwnGcs } from "./own-gcs.ts";
import type { RayProcess } from "./ray.ts";
import type { Membership } from "./readiness.ts";
import type { RunDeps } from "./run-deps.ts";
import type { RunEnd } from "./run-end.ts";
import { NO_SIGNS, type Snapshot, verdictOf } from "./verdict.ts";

/** A GCS that is only slow must not look dead: three of these in a row are longer than a pause of five seconds. */
const TIMEOUT_MS = 2000;

type Serving = Extract<Snapshot["gcs"], { kind: "serves" }>;

/** A node that is a member of its cluster. */
export interface Member {
  readonly role: Plan["role"];
  readonly ray: RayProcess;
  readonly gcs: OwnGcs;
  readonly membership: Membership;
  /** Called whenever the HEAD's GCS answers. */
  readonly onHeadSeen: () => void;
  /** Called with each look at which the node's own cluster counts it as living. */
  readonly onAlive: () => void;
}

/**
 * Looks each second until something is wrong; a HEAD out of reach starts a search beside the looking.
 * Resolves with the end that this run must come to; never when `over` aborts first.
 */
export async function monitor(member: Member, deps: RunDeps, over: AbortSignal): Promise<RunEnd> {
  const { gcs, membership } = member;
  const { clock, config, log } = deps;
  const { clusterId, node } = membership;
  const inspect = member.ray.inspector(node);
  const search = new Search((signal) => deps.elect(AbortSignal.any([signal, over])), clusterId);
  let signs = NO_SIGNS;
  while (await clock.pause(config.values.RAY_EP_WATCH_INTERVAL, over)) {
    const [seen, own] = await Promise.all([askGcs(gcs, node), inspect()]);
    if (over.aborted) break;
    if (seen.kind === "serves") tell(seen, member);
    const judged = verdictOf(signs, { gcs: seen, ...own }, member.role, clusterId);
    signs = judged.signs;
    const { verdict } = judged;
    if (verdict.kind === "fault") return verdict;
    if (search.found !== null) return { kind: "moved", outcome: search.found };
    const lost = verdict.kind === "head-out-of-reach" ? verdict.cause : null;
    if (search.follow(lost !== null)) log({ type: "head-out-of-reach", head: gcs.address, cause: lost });
  }
  return new Promise(() => {});
}

function tell({ alive, clusterId }: Serving, { membership, onHeadSeen, onAlive }: Member): void {
  onHeadSeen();
  if (alive && clusterId === membership.clusterId) onAlive();
}

/** It costs the same however large the cluster is. */
async function askGcs(gcs: GcsClient, node: NodeInfo): Promise<Snapshot["gcs"]> {
  const [alive, clusterId] = await Promise.all([
    gcs.checkAlive([node], TIMEOUT_MS),
    gcs.clusterId(TIMEOUT_MS),
  ]);
  if (!clusterId.ok) return { kind: "silent", cause: clusterId.error.kind };
  if (!alive.ok) return { kind: "silent", cause: alive.error.kind };
  return { kind: "serves", clusterId: clusterId.value, alive: alive.value.alive[0] ?? false };
}
