import { request } from "undici";

/** What each request to Ray's dashboard carries. `token`: of RAY_AUTH_MODE=token, null or undefined where there is none. */
export const dashboardHeaders = (token: string | null | undefined): Readonly<Record<string, string>> => ({
  // Ray up to 2.49 answers 500 to whoever does not say what he is (is_browser_request, dashboard/optional_utils.py).
  "user-agent": `ray-entrypoint/${__VERSION__}`,
  ...(token ? { authorization: `Bearer ${token}` } : {}),
});

/** The answer to a GET, whatever its status. Throws where none comes within `timeoutMs`. */
export async function get(
  url: string,
  timeoutMs: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(timeoutMs), headers });
  return { status: statusCode, text: await body.text() };
}
