import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export interface WriteGuardSettings {
  /** Required as `Authorization: Bearer …` for every write; null: writes need no token. */
  readonly token: string | null;
  /** Public names under which nodes reach this service. */
  readonly hosts: readonly string[];
}

/** Why a write is refused, for its sender and for the log. */
export interface TurnedAway {
  readonly status: number;
  readonly error: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Checks a write by its headers; null accepts it. Browsers send `Origin` with each PUT, POST and DELETE (Fetch
 * standard, 3.2), also after DNS rebinding; nodes never send it. An old browser that leaves it out still sends the
 * page's host name, and cannot send `application/json` to another origin without a preflight.
 */
export function createWriteGuard({
  token,
  hosts,
}: WriteGuardSettings): (headers: IncomingHttpHeaders) => TurnedAway | null {
  const isToken = token === null ? null : tokenTest(token);
  const known = new Set(hosts.map((host) => host.toLowerCase()));
  return (headers) => {
    if (headers.origin !== undefined) return FROM_WEB_PAGE;
    if (isToken !== null && !isToken(headers.authorization)) return NO_TOKEN;
    if (isToken === null && isForeign(headers.host ?? "", known)) return FOREIGN_HOST;
    if (headers["transfer-encoding"] !== undefined) return NO_LENGTH;
    return /^application\/json\s*(?:;|$)/i.test(headers["content-type"] ?? "") ? null : NO_JSON;
  };
}

const FROM_WEB_PAGE = {
  status: 403,
  error: "expected no Origin header: writes from web pages are refused",
};
const NO_TOKEN = {
  status: 401,
  error: "expected the header Authorization: Bearer <RAY_EP_HEALTH_TOKEN>",
  headers: { "www-authenticate": "Bearer" },
};
const FOREIGN_HOST = {
  status: 403,
  error:
    "expected a Host header with an address, a name without dots, or a private name such as health.local; name others in RAY_EP_HEALTH_ALLOWED_HOSTS of the health service, or give it a token",
};
const NO_JSON = { status: 415, error: "expected the header Content-Type: application/json" };
const NO_LENGTH = { status: 411, error: "expected the header Content-Length, got a body in chunks" };

/** Compares digests, so that the time taken reveals nothing about the token or its length. */
function tokenTest(token: string): (authorization: string | undefined) => boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const wanted = digest(`Bearer ${token}`);
  return (authorization = "") => timingSafeEqual(digest(authorization), wanted);
}

/**
 * Top-level domains that cannot be registered (RFC 2606, 6762, 8375; ICANN's list of reserved names) or that clusters
 * use internally.
 */
const PRIVATE_ENDS =
  /^(?:arpa|corp|home|internal|intranet|lan|local|localdomain|localhost|private|svc|test)$/;

/**
 * The owner of a public name can point it at this service (DNS rebinding), and then open a web page under that name.
 */
function isForeign(header: string, known: ReadonlySet<string>): boolean {
  const host = header.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
  const end = /\.([a-z]{2,63}|xn--[a-z\d-]+)$/.exec(host)?.[1];
  return end !== undefined && !PRIVATE_ENDS.test(end) && !known.has(host);
}
