import { request } from "node:https";
import { text } from "node:stream/consumers";
import { parseAddress } from "../../common/address.ts";
import { lookup } from "../../common/lookup.ts";

/** Whoever promotes waits for two of them. */
const TIMEOUT_MS = 1200;

/** What another health service of this cluster answers to a GET: status and JSON text; undefined where it does not. Never rejects. */
export function askPeer(
  service: string,
  ca: string,
  path: string,
  credential?: string,
): Promise<{ readonly status: number; readonly body: string } | undefined> {
  const at = parseAddress(service);
  if (!at.ok) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const headers = credential === undefined ? {} : { authorization: `Bearer ${credential}` };
    // Only health services have certificates of this CA, whatever their addresses are.
    const trust = { ca, checkServerIdentity: () => undefined, agent: false };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const asking = request({ ...at.value, path, headers, lookup, signal, ...trust }, (response) => {
      const status = response.statusCode ?? 0;
      text(response).then(
        (body) => resolve({ status, body }),
        () => resolve(undefined),
      );
    });
    asking.on("error", () => resolve(undefined)).end();
  });
}
