import { secureCall } from "../../common/net/pinned-tls.ts";

/** `POST /v1/promote` waits for up to three such rounds one after the other, and `ws` for 10 s in all. */
const TIMEOUT_MS = 1200;

/** What other health services of this cluster say to a GET: the bodies of those that answer 200. Never rejects. */
export async function askPeers(
  services: readonly string[],
  ca: string,
  path: string,
  credential: string | null = null,
): Promise<string[]> {
  const call = secureCall(ca, credential);
  const answers = await Promise.all(services.map((at) => call(at)("GET", path, TIMEOUT_MS)));
  return answers.flatMap((answer) => (answer.ok && answer.value.status === 200 ? [answer.value.body] : []));
}
