import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { text } from "node:stream/consumers";
import * as z from "zod/mini";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import type { Identity } from "../cluster/callers.ts";
import type { ServiceSettings } from "../service.ts";
import { callerOf, whyNotNow } from "./credentials.ts";
import { type Handler, type Reply, refuse } from "./reply.ts";

/** What a handler is told of a write besides. `peer`: the address that it comes from; `name`: the path's last part, decoded. */
export interface Sender {
  readonly peer: string;
  readonly name: string;
  readonly caller: Identity;
}

/** Makes the handlers of writes: what the guard turns away is not read. `whyNot`: why the caller may not write that. */
export function createWrites({ config, cluster, log }: ServiceSettings) {
  const { RAY_EP_HEALTH_TOKEN: token, RAY_EP_HEALTH_ALLOWED_HOSTS: hosts } = config;
  // Whoever has a credential, or a join token's secret, is no stranger.
  const refuses = cluster !== undefined ? null : token === null ? hostTest(hosts ?? []) : tokenTest(token);
  const guard = createWriteGuard(refuses, token === null ? FOREIGN_HOST : NO_TOKEN);
  return <T>(
    schema: z.ZodMiniType<T>,
    whyNot: (caller: Identity, body: T, name: string) => Reply | null,
    handle: (body: T, sender: Sender) => Promise<Reply>,
    /** `fromPage`: the page of this service sends it as well, and its body says who sends it. `maxBody`: bytes. */
    { fromPage = false, maxBody = MAX_BODY } = {},
  ): Handler =>
    async (request, name) => {
      const { method = "", url = "", headers, socket } = request;
      const peer = socket.remoteAddress ?? "unknown";
      const refusal = guard(headers, fromPage, maxBody);
      if (refusal !== null) {
        log({ type: "turned-away", from: peer, method, path: short(url), cause: refusal.body.error });
        return refusal;
      }
      const body = await text(request).catch(() => null);
      if (body === null) return null;
      const parsed = parseBody(schema, body);
      if (!parsed.ok) return parsed.error;
      // Only now, since a member may be removed while it sends, and another service may take over.
      const caller = callerOf(cluster, headers);
      const [path = ""] = url.split("?", 1);
      const notNow = cluster === undefined ? null : whyNotNow(cluster, caller, method, path);
      return notNow ?? whyNot(caller, parsed.value, name) ?? handle(parsed.value, { peer, name, caller });
    };
}

type Test = (headers: IncomingHttpHeaders) => boolean;
type Refusal = ReturnType<typeof refuse>;

/** Node takes kilobytes. */
export const short = (url = ""): string => url.slice(0, 300);

/** The body as the schema has it, or a 400 that names each wrong field and what was expected. */
function parseBody<T>(schema: z.ZodMiniType<T>, body: string): Result<T, Reply> {
  const value = attempt(() => JSON.parse(body) as unknown);
  // What was sent may hold a secret.
  if (value === undefined)
    return err(
      refuse(400, `expected a JSON object, got ${body === "" ? "an empty body" : "something else"}`),
    );
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return ok(parsed.data);
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.join(".") || "body"}: ${message.replace(/^Invalid \w+: /, "")}`,
  );
  return err(refuse(400, "the body does not have the expected shape", {}, problems));
}

/** All but reports are below 1 KB. Node reads no more than the header says. */
const MAX_BODY = 8 * 1024;
/** A report is about 1 KB, 10 KB at its longest, and has up to 4 KB of log (the entrypoint's log-tail.ts). */
export const MAX_REPORT = 16 * 1024;
/** What a client that sends too much may go on sending, so that it can still read our answer, before it is cut off. */
const MAX_IGNORED = 1024 * 1024;

/**
 * Checks a write by its headers; null accepts it. `fromPage`: our own page may send it. Browsers send `Origin` with each PUT, POST and DELETE (Fetch standard, 3.2), also
 * after DNS rebinding; nodes never do. An old browser without it still sends the page's host name, and cannot send
 * `application/json` to another origin without a preflight. `stranger`: the answer to those that `isStranger` finds.
 */
function createWriteGuard(isStranger: Test | null, stranger: Refusal) {
  return (headers: IncomingHttpHeaders, fromPage: boolean, maxBody: number): Refusal | null => {
    const { "content-type": type = "", "content-length": length = "0" } = headers;
    if (headers.origin !== undefined && !(fromPage && isSameOrigin(headers))) return FROM_PAGE;
    if (!fromPage && isStranger?.(headers)) return stranger;
    if (headers["transfer-encoding"] !== undefined)
      return refuse(411, "expected the header Content-Length, got a body in chunks");
    if (!/^application\/json\s*(?:;|$)/i.test(type))
      return refuse(415, "expected the header Content-Type: application/json");
    if (Number(length) <= maxBody) return null;
    const headersBack = Number(length) > MAX_IGNORED ? { connection: "close" } : {};
    return refuse(413, `expected a body of at most ${maxBody} bytes`, headersBack);
  };
}

/** Host and port alone: this service has one scheme. */
const isSameOrigin = ({ origin = "", host = "" }: IncomingHttpHeaders): boolean =>
  attempt(() => new URL(origin).host) === host.toLowerCase();

const FROM_PAGE = refuse(403, "expected no Origin header: writes from web pages are refused");
const NO_TOKEN = refuse(401, "expected the header Authorization: Bearer <RAY_EP_HEALTH_TOKEN>", {
  "www-authenticate": "Bearer",
});
const FOREIGN_HOST = refuse(
  403,
  "expected a Host header with an address, a name without dots, or a private name such as health.local; name others in RAY_EP_HEALTH_ALLOWED_HOSTS of the health service, or give it a token",
);

/** True for those without the token. Compares digests, so that the time taken reveals nothing about the token or its length. */
export function tokenTest(token: string): Test {
  const digest = (words: string) => createHash("sha256").update(words).digest();
  const wanted = digest(`Bearer ${token}`);
  return ({ authorization = "" }) => !timingSafeEqual(digest(authorization), wanted);
}

/** Top-level domains that nobody can register (RFC 2606, 6762, 8375; ICANN's reserved names) or that clusters use inside. */
const PRIVATE_ENDS =
  /^(?:arpa|corp|home|internal|intranet|lan|local|localdomain|localhost|private|svc|test)$/;

/** The owner of a public name can point it at this service (DNS rebinding), and then open a web page under that name. */
function hostTest(hosts: readonly string[]): Test {
  const known = new Set(hosts.map((host) => host.toLowerCase()));
  return ({ host = "" }) => {
    const name = host.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
    const end = /\.([a-z]{2,63}|xn--[a-z\d-]+)$/.exec(name)?.[1];
    return end !== undefined && !PRIVATE_ENDS.test(end) && !known.has(name);
  };
}
