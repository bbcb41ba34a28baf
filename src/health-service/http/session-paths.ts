import type { IncomingMessage } from "node:http";
import { cookieIn, SessionRequest, sessionCookie } from "../../common/protocol/session-protocol.ts";
import type { Identity } from "../cluster/callers.ts";
import type { Service, ServiceSettings } from "../service.ts";
import { ok, type Paths, refuse } from "./reply.ts";
import { type createWrites, tokenTest } from "./writes.ts";

const COOKIE = "ray-ep-session";

/** Who reads by a session; undefined where the request is no read, or names none. Its member may be removed by now. */
export function readerOf(service: Service, { method, headers }: IncomingMessage): Identity | undefined {
  if (method !== "GET" && method !== "HEAD") return undefined;
  const shown = service.sessions.find(cookieIn(headers.cookie, COOKIE));
  return shown !== undefined && isKnown(service.settings, shown) ? { kind: "reader" } : undefined;
}

/** Where a page gets its session. */
export const sessionPaths = (service: Service, write: ReturnType<typeof createWrites>): Paths => ({
  "/v1/session": {
    POST: write(
      SessionRequest,
      () => null,
      async ({ token }) => {
        const shown = `Bearer ${token}`;
        if (!isKnown(service.settings, shown)) return WRONG;
        // Members reach this service over TLS alone.
        const secure = service.settings.cluster !== undefined;
        return {
          ...ok({}),
          headers: { "set-cookie": sessionCookie(COOKIE, service.sessions.begin(shown), secure) },
        };
      },
      { fromPage: true },
    ),
  },
});

const WRONG = refuse(
  401,
  "expected the health token (RAY_EP_HEALTH_TOKEN), or NAME:CREDENTIAL of a member of this cluster",
);

function isKnown({ cluster, config }: ServiceSettings, authorization: string): boolean {
  if (cluster !== undefined) return ["admin", "member"].includes(cluster.callers.find(authorization).kind);
  const { RAY_EP_HEALTH_TOKEN: token } = config;
  return token === null || !tokenTest(token)({ authorization });
}
