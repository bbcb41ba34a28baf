import type { GcsClient, NodeInfo } from "../../gcs/client.ts";
import { Search } from "../election/search.ts";
import type { Plan } from "./command.ts";
import type { OwnGcs } from "./own-gcs.ts";
import type { RayProcess } from "./ray.ts";
import type { Membership } from "./readiness.ts";
import type { RunDeps } from "./run-deps.ts";
import type { RunEnd } from "./run-end.ts";
import { type Signs, type Snapshot, verdictOf } from "./verdict.ts";

/** A GCS that is only slow must not look dead: three of these in a row are longer than a pause of five seconds. */
const TIMEOUT_MS = 2000;

/** A node that is a member of its cluster. */
export interface Member {
  readonly role: Plan["role"];
  readonly ray: RayProcess;
  readonly gcs: OwnGcs;
  readonly membership: Membership;
  /** Called whenever the HEAD's GCS answers; `alive`: it still is this node's own cluster and counts it as living. */
  readonly onAnswer: (alive: boolean) => void;
}

/**
 * Looks each second until something is wrong; a HEAD out of reach starts a search beside the looking.
 * Resolves with the end that this run must come to; never when `over` aborts first.
 */
export async function monitor(
  { role, ray, gcs, membership: { clusterId, node }, onAnswer }: Member,
  { clock, config, elect, log }: Pick<RunDeps, "clock" | "config" | "elect" | "log">,
  over: AbortSignal,
): Promise<RunEnd> {
  const inspect = ray.inspector(node);
  const search = new Search((signal) => elect(AbortSignal.any([signal, over])), clusterId);
  let signs: Signs = {};
  while (await clock.pause(config.values.RAY_EP_WATCH_INTERVAL, over)) {
    const [seen, own] = await Promise.all([askGcs(gcs.client, node), inspect()]);
    if (over.aborted) break;
    if (seen.kind === "serves") onAnswer(seen.alive && seen.clusterId === clusterId);
    const judged = verdictOf(signs, { gcs: seen, ...own }, role, clusterId);
    signs = judged.signs;
    const { verdict } = judged;
    if (verdict.kind === "fault") return verdict;
    if (search.found !== null) return { kind: "moved", outcome: search.found };
    const lost = verdict.kind === "head-out-of-reach" ? verdict.cause : null;
    if (search.follow(lost !== null)) log({ type: "head-out-of-reach", head: gcs.address, cause: lost });
  }
  return new Promise(() => {});
}

/** It costs the same however large the cluster is. */
async function askGcs(gcs: GcsClient, node: NodeInfo): Promise<Snapshot["gcs"]> {
  const answers = [gcs.checkAlive([node], TIMEOUT_MS), gcs.clusterId(TIMEOUT_MS)] as const;
  const [alive, clusterId] = await Promise.all(answers);
  if (!clusterId.ok) return { kind: "silent", cause: clusterId.error.kind };
  if (!alive.ok) return { kind: "silent", cause: alive.error.kind };
  return { kind: "serves", clusterId: clusterId.value, alive: alive.value.alive[0] ?? false };
}
