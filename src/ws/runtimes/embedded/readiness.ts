import { formatAddress } from "../../../common/address.ts";
import { lookAtCluster, newestNamed, refusing } from "../../cluster-view.ts";
import { healthAnswers } from "../ask-health.ts";
import { CLIENT_WORDS } from "../client-program.ts";
import { lastLines } from "../log-files.ts";
import type { EmbeddedCluster } from "./cluster.ts";
import type { ProcessPlan } from "./plan.ts";
import { logFile } from "./start.ts";

/** One look at a service that was started: what shows that it is ready, or what it lacks. */
export type Seen = { readonly ready: string } | { readonly notYet: string };

/** Looks at a service once. `former` holds the ids of nodes that the GCS knew before it was started. */
export function lookAt(
  cluster: EmbeddedCluster,
  plan: ProcessPlan,
  former: ReadonlySet<string>,
): Promise<Seen> {
  switch (plan.kind) {
    case "health":
      return lookAtHealth(cluster);
    case "test-client":
      return lookAtClient(cluster, plan);
    default:
      return lookAtNode(cluster, plan, former);
  }
}

async function lookAtHealth({ healthUrl }: EmbeddedCluster): Promise<Seen> {
  const answer = await healthAnswers(healthUrl);
  return answer.ok ? { ready: "200 OK" } : { notYet: answer.error };
}

/** A client that could not connect is up all the same: it stays for debugging, and the checks judge what it says. */
async function lookAtClient({ folders }: EmbeddedCluster, { name }: ProcessPlan): Promise<Seen> {
  const lines = await lastLines(logFile(folders, name), 100);
  const word = lines.findLast((line) => CLIENT_WORDS.some((words) => line.startsWith(words)));
  return word === undefined ? { notYet: "it has not connected yet" } : { ready: word };
}

async function lookAtNode(
  cluster: EmbeddedCluster,
  { name }: ProcessPlan,
  former: ReadonlySet<string>,
): Promise<Seen> {
  const { view, ...look } = await lookAtCluster(cluster);
  const refusal = refusing(look);
  if (refusal !== undefined)
    return { notYet: `the GCS at ${formatAddress(refusal.address)} refuses our token` };
  if (view === undefined) return { notYet: "no GCS answers yet" };
  const fresh = view.nodes.filter(({ nodeId }) => !former.has(nodeId));
  const node = newestNamed(fresh, name);
  if (node === undefined) return { notYet: `the GCS at ${view.head.address.host} does not list it yet` };
  if (!node.alive) return { notYet: "the GCS lists it as DEAD" };
  return { ready: `${node.isHead ? "HEAD" : "WORKER"}, ALIVE` };
}
