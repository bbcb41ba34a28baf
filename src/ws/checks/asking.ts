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
  // Late, as it takes a tenth of a second that `ws join` has not.
  const { request } = await import("undici");
  const { statusCode, body } = await request(url, {
    signal: AbortSignal.timeout(timeoutMs),
    headers: sent === undefined ? headers : { ...headers, "content-type": "application/json" },
    ...(sent === undefined ? {} : { method: "POST", body: JSON.stringify(sent) }),
  });
  return { status: statusCode, text: await body.text() };
}
