import { formatAddress } from "../../common/address.ts";
import { short } from "../../common/output/units.ts";
import type { GcsClient, NodeInfo } from "../../gcs/client.ts";
import { Search } from "../election/search.ts";
import type { Plan } from "./command.ts";
import type { OwnGcs } from "./own-gcs.ts";
import type { RayProcess } from "./ray.ts";
import type { Membership } from "./readiness.ts";
import type { RunDeps, RunEnd } from "./run-end.ts";
import { type Signs, type Snapshot, verdictOf } from "./verdict.ts";

/** A GCS that is only slow must not look dead: three of these in a row are longer than a pause of five seconds. */
const TIMEOUT_MS = 2000;

/** A node that is a member of its cluster. */
interface Member {
  readonly role: Plan["role"];
  readonly store: Plan["store"];
  readonly ray: RayProcess;
  readonly gcs: OwnGcs;
  readonly membership: Membership;
}

/**
 * Says that the node is ready, and looks each second until something is wrong; a HEAD out of reach starts a search beside
 * the looking. Resolves with the end that this run must come to; never when `over` aborts first.
 */
export async function monitor(member: Member, deps: RunDeps, over: AbortSignal): Promise<RunEnd> {
  const { role, ray, gcs } = member;
  const { clusterId, node } = member.membership;
  const { clock, config, elect, log } = deps;
  enter(member, deps);
  const inspect = ray.inspector(node);
  const search = new Search((signal) => elect(AbortSignal.any([signal, over])), clusterId);
  let signs: Signs = {};
  while (await clock.pause(config.values.RAY_EP_WATCH_INTERVAL, over)) {
    const [seen, own] = await Promise.all([askGcs(gcs.client, node), inspect()]);
    if (over.aborted) break;
    if (seen.kind === "serves") answered(seen.alive && seen.clusterId === clusterId, member, deps);
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

function enter(member: Member, deps: RunDeps): void {
  const { role, store, gcs, membership } = member;
  const { clock, config, lease, log, memory, state, step } = deps;
  const { clusterId, version, node, tookMs } = membership;
  const { nodeId, resources, address: ip, metricsPort } = node;
  if (role === "head") lease.serving(clusterId);
  else state.follow();
  if (store !== null)
    log({ type: "cluster", id: clusterId, before: state.serves(clusterId) ?? memory.clusterId, store });
  Object.assign(memory, { lastRole: role, clusterId, aliveAtMs: clock.now() });
  log({
    type: "ready",
    role,
    address: gcs.address,
    version,
    clusterId,
    nodeId,
    ip,
    metricsPort,
    resources,
    tookMs,
  });
  step({ kind: "alive", nodeId });
  step({ kind: "watch", everyMs: config.values.RAY_EP_WATCH_INTERVAL });
  answered(true, member, deps);
}

/** The HEAD's GCS answered; `alive`: it still is that of this node's cluster, and counts it as living. */
function answered(alive: boolean, { role, gcs, membership }: Member, { aliveNote, memory }: RunDeps): void {
  if (role === "worker") memory.absence.seen();
  else memory.absence.forget();
  if (!alive) return;
  const { clusterId, version, node } = membership;
  const where = `cluster ${short(clusterId)} of ${formatAddress(gcs.address)}`;
  aliveNote.renew(`${node.name} is ALIVE as ${role.toUpperCase()} in ${where} (Ray ${version})`);
}

/** It costs the same however large the cluster is. */
async function askGcs(gcs: GcsClient, node: NodeInfo): Promise<Snapshot["gcs"]> {
  const answers = [gcs.checkAlive([node], TIMEOUT_MS), gcs.clusterId(TIMEOUT_MS)] as const;
  const [alive, clusterId] = await Promise.all(answers);
  if (!clusterId.ok) return { kind: "silent", cause: clusterId.error.kind };
  if (!alive.ok) return { kind: "silent", cause: alive.error.kind };
  return { kind: "serves", clusterId: clusterId.value, alive: alive.value.alive[0] ?? false };
}
