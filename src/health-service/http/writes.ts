import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import * as z from "zod/mini";
import type { ErrorAnswer } from "../../common/protocol/lease-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { ServiceSettings } from "../service.ts";

/** One answer. An object is sent as JSON. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer | object;
}

/** `name`: the path's last part, decoded. No reply where the client went away before it had said everything. */
export type Handler = (request: IncomingMessage, name: string) => Reply | Promise<Reply | null>;

/** A refusal in words, and each wrong field. */
export const refuse = (status: number, error: string, headers = {}, problems?: string[]) => {
  return { status, headers, body: { error, problems } satisfies ErrorAnswer };
};

/** Makes the handlers of writes: what the guard turns away is not read. `peer`: the address that it comes from. */
export function createWrites({ config, log }: ServiceSettings) {
  const whyNot = createWriteGuard(config.RAY_EP_HEALTH_TOKEN, config.RAY_EP_HEALTH_ALLOWED_HOSTS ?? []);
  return <T>(
    schema: z.ZodMiniType<T>,
    handle: (body: T, peer: string, name: string) => Promise<Reply>,
  ): Handler =>
    async (request, name) => {
      const { method = "", url, headers, socket } = request;
      const peer = socket.remoteAddress ?? "unknown";
      const refusal = whyNot(headers);
      if (refusal !== null) {
        log({ type: "turned-away", from: peer, method, path: short(url), cause: refusal.body.error });
        return refusal;
      }
      const body = await text(request).catch(() => null);
      if (body === null) return null;
      const parsed = parseBody(schema, body);
      return parsed.ok ? handle(parsed.value, peer, name) : parsed.error;
    };
}

/** Node takes kilobytes. */
export const short = (url = ""): string => url.slice(0, 300);

/** The body as the schema has it, or a 400 that names each wrong field and what was expected. */
function parseBody<T>(schema: z.ZodMiniType<T>, body: string): Result<T, Reply> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    const cause = body === "" ? "got an empty body" : (error as Error).message;
    return err(refuse(400, `expected a JSON object: ${cause}`));
  }
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return ok(parsed.data);
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.join(".") || "body"}: ${message.replace(/^Invalid \w+: /, "")}`,
  );
  return err(refuse(400, "the body does not have the expected shape", {}, problems));
}

/** A node's report is about 300 bytes, and 6 KB at its longest. Node reads no more than the header says. */
const MAX_BODY = 8 * 1024;
/** What a client that sends too much may go on sending, so that it can still read our answer, before it is cut off. */
const MAX_IGNORED = 1024 * 1024;

/**
 * Checks a write by its headers; null accepts it. Browsers send `Origin` with each PUT, POST and DELETE (Fetch standard, 3.2), also
 * after DNS rebinding; nodes never do. An old browser without it still sends the page's host name, and cannot send
 * `application/json` to another origin without a preflight. `hosts`: public names of this service.
 */
function createWriteGuard(token: string | null, hosts: readonly string[]) {
  const isStranger = token === null ? hostTest(hosts) : tokenTest(token);
  return (headers: IncomingHttpHeaders): ReturnType<typeof refuse> | null => {
    const { origin, "content-type": type = "", "content-length": length = "0" } = headers;
    if (origin !== undefined)
      return refuse(403, "expected no Origin header: writes from web pages are refused");
    if (isStranger(headers)) return token === null ? refuse(403, FOREIGN_HOST) : NO_TOKEN;
    if (headers["transfer-encoding"] !== undefined)
      return refuse(411, "expected the header Content-Length, got a body in chunks");
    if (!/^application\/json\s*(?:;|$)/i.test(type))
      return refuse(415, "expected the header Content-Type: application/json");
    if (Number(length) <= MAX_BODY) return null;
    const headersBack = Number(length) > MAX_IGNORED ? { connection: "close" } : {};
    return refuse(413, `expected a body of at most ${MAX_BODY} bytes`, headersBack);
  };
}

const NO_TOKEN = refuse(401, "expected the header Authorization: Bearer <RAY_EP_HEALTH_TOKEN>", {
  "www-authenticate": "Bearer",
});
const FOREIGN_HOST =
  "expected a Host header with an address, a name without dots, or a private name such as health.local; name others in RAY_EP_HEALTH_ALLOWED_HOSTS of the health service, or give it a token";

/** Compares digests, so that the time taken reveals nothing about the token or its length. */
function tokenTest(token: string): (headers: IncomingHttpHeaders) => boolean {
  const digest = (words: string) => createHash("sha256").update(words).digest();
  const wanted = digest(`Bearer ${token}`);
  return ({ authorization = "" }) => !timingSafeEqual(digest(authorization), wanted);
}

/** Top-level domains that nobody can register (RFC 2606, 6762, 8375; ICANN's reserved names) or that clusters use inside. */
const PRIVATE_ENDS =
  /^(?:arpa|corp|home|internal|intranet|lan|local|localdomain|localhost|private|svc|test)$/;

/** The owner of a public name can point it at this service (DNS rebinding), and then open a web page under that name. */
function hostTest(hosts: readonly string[]): (headers: IncomingHttpHeaders) => boolean {
  const known = new Set(hosts.map((host) => host.toLowerCase()));
  return ({ host = "" }) => {
    const name = host.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
    const end = /\.([a-z]{2,63}|xn--[a-z\d-]+)$/.exec(name)?.[1];
    return end !== undefined && !PRIVATE_ENDS.test(end) && !known.has(name);
  };
}
