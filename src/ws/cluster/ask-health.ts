import { request } from "undici";
import { ClusterView } from "../../common/lease-protocol.ts";
import type { NodeStatus } from "../../common/node-status.ts";
import { err, ok, type Result } from "../../common/result.ts";

const TIMEOUT_MS = 1000;

/** Whether `GET /` is answered with 200, or in a few words why not. */
export async function healthAnswers(url: string): Promise<Result<void, string>> {
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    await body.dump();
    return statusCode === 200 ? ok(undefined) : err(`it answers ${statusCode}`);
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
    const { statusCode, body } = await request(`${url}/v1/cluster`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = await body.json();
    return statusCode === 200 ? ClusterView.parse(answer) : undefined;
  } catch {
    return undefined;
  }
}
