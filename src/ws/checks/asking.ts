import { once as emitted } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { deadlineIn, pause } from "../../common/deadline.ts";

/** Asks at most once, also when many ask at the same time. */
export function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}

/** Asks until an answer is final or the time is over; the last answer counts. */
export async function askUntil<T>(
  isFinal: (answer: T) => boolean,
  ask: () => Promise<T>,
  { forMs, everyMs, signal }: { forMs: number; everyMs: number; signal: AbortSignal },
): Promise<T> {
  const deadline = deadlineIn(forMs);
  for (;;) {
    const answer = await ask();
    if (isFinal(answer) || deadline.expired()) return answer;
    if (!(await pause(Math.min(everyMs, deadline.remainingMs()), signal))) return answer;
  }
}

/** What each request to Ray's dashboard carries. `token`: of RAY_AUTH_MODE=token, null or undefined where there is none. */
export const dashboardHeaders = (token: string | null | undefined): Readonly<Record<string, string>> => ({
  // Ray up to 2.49 answers 500 to a client that does not name itself (is_browser_request, dashboard/optional_utils.py).
  "user-agent": `ray-entrypoint/${__VERSION__}`,
  ...(token ? { authorization: `Bearer ${token}` } : {}),
});

/**
 * The answer to a GET, or to a POST of `sent` as JSON, whatever its status. Throws where none comes within `timeoutMs`.
 */
export async function send(
  url: string,
  timeoutMs: number,
  headers: Readonly<Record<string, string>> = {},
  sent?: object,
): Promise<{ readonly status: number; readonly text: string }> {
  const body = sent && JSON.stringify(sent);
  const kind = { "content-type": "application/json", "content-length": Buffer.byteLength(body ?? "") };
  const outgoing = request(url, {
    ...{ method: body === undefined ? "GET" : "POST", signal: AbortSignal.timeout(timeoutMs) },
    headers: body === undefined ? headers : { ...headers, ...kind },
    // A connection that is kept may be one of an earlier life of who answers there.
    agent: false,
  });
  // After its answer has begun, that one tells.
  outgoing.on("error", () => {});
  outgoing.end(body);
  const [incoming] = (await emitted(outgoing, "response")) as [IncomingMessage];
  return { status: incoming.statusCode ?? 0, text: await text(incoming) };
}
