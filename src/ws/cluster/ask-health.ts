import { ClusterView } from "../../common/protocol/lease-protocol.ts";
import type { NodeStatus } from "../../common/protocol/node-status.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { send } from "../checks/http.ts";

const TIMEOUT_MS = 1000;

/** Whether `GET /` is answered with 200, or in a few words why not. */
export async function healthAnswers(url: string): Promise<Result<void, string>> {
  try {
    const { status } = await send(url, TIMEOUT_MS);
    return status === 200 ? ok(undefined) : err(`it answers ${status}`);
  } catch (error) {
    return err(`it does not answer (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`);
  }
}

/** The name of the node that holds the head lease; undefined where nobody does or the service keeps none. */
export async function leaseHolder(url: string): Promise<string | undefined> {
  const holder = (await askCluster(url))?.holder;
  // The service shows the last one, also after its time.
  return holder && holder.expiresIn > 0 ? holder.node : undefined;
}

/** What each node said of itself last, by name; empty where the service knows no nodes. */
export async function reported(url: string): Promise<ReadonlyMap<string, NodeStatus>> {
  const nodes = (await askCluster(url))?.nodes ?? [];
  return new Map(nodes.flatMap(({ name, status }) => (status === undefined ? [] : [[name, status]])));
}

async function askCluster(url: string): Promise<ClusterView | undefined> {
  try {
    const { status, text } = await send(`${url}/v1/cluster`, TIMEOUT_MS);
    return status === 200 ? ClusterView.parse(JSON.parse(text)) : undefined;
  } catch {
    return undefined;
  }
}
