import { request } from "undici";
import { ClusterView } from "../../common/lease-protocol.ts";
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
  try {
    const { statusCode, body } = await request(`${url}/v1/cluster`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = await body.json();
    const view = ClusterView.safeParse(answer);
    const holder = statusCode === 200 && view.success ? view.data.holder : null;
    // The service shows the last one, also after its time.
    return holder !== null && holder.expiresIn > 0 ? holder.node : undefined;
  } catch {
    return undefined;
  }
}
