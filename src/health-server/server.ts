import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Event } from "./event.ts";
import { type Reply, readBody, refuse, send } from "./reply.ts";
import { findRoute } from "./routes.ts";
import type { Service } from "./service.ts";

export interface ServerSettings {
  readonly service: Service;
  /** Wanted as `Authorization: Bearer …` with every write; null: writes are open. */
  readonly token: string | null;
  readonly log: (event: Event) => void;
  /** How long a client may take to send a request. */
  readonly requestTimeoutMs: number;
}

/** A thousand nodes at once with room to spare; more are strangers, who must not use up files and memory. */
const MOST_CONNECTIONS = 4096;
const KEEP_ALIVE_MS = 15_000;
/** No honest client is silent that long while an answer waits for it. */
const IDLE_MS = 30_000;

/** The HTTP service, not listening yet. No request can make it throw or hold it longer than its time limits. */
export function createHealthServer(settings: ServerSettings): Server {
  const { requestTimeoutMs } = settings;
  const authorized = createGuard(settings.token);
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.min(1000, requestTimeoutMs),
      maxHeaderSize: 8 * 1024,
      noDelay: true,
    },
    (request, response) => {
      if (request.url === "/" && request.method === "GET") return answerRoot(settings.service, response);
      void answer(settings, authorized, request, response);
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.setTimeout(IDLE_MS);
  return server;
}

const ROOT_HEADERS = ["content-type", "text/plain; charset=utf-8", "content-length", "2"];

/** Load balancers and health checks ask this all day: it takes the short way. */
function answerRoot(service: Service, response: ServerResponse): void {
  count(service, 200);
  response.writeHead(200, ROOT_HEADERS);
  response.end("OK");
}

async function answer(
  settings: ServerSettings,
  authorized: (request: IncomingMessage) => boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { service, log } = settings;
  try {
    const reply = await handle(settings, authorized, request);
    if (reply === null) return;
    count(service, reply.status);
    send(response, reply);
  } catch (error) {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log({ type: "bug", where: `${request.method} ${short(request.url ?? "")}`, detail });
    count(service, 500);
    if (!response.headersSent)
      send(response, refuse(500, "a bug in the health service; its log has the details"));
  }
}

/** Null when the client went away before it had said everything. */
async function handle(
  { service, log }: ServerSettings,
  authorized: (request: IncomingMessage) => boolean,
  request: IncomingMessage,
): Promise<Reply | null> {
  const { method = "", url = "" } = request;
  const route = findRoute(url);
  if (route === null) return refuse(404, `there is nothing at ${url.slice(0, 200)}`);
  const handler = route.methods[method === "HEAD" ? "GET" : method];
  if (handler === undefined) return methodNotAllowed(method, Object.keys(route.methods));
  const peer = request.socket.remoteAddress ?? "unknown";
  if (method === "GET" || method === "HEAD") return handler(service, { name: route.name, body: "", peer });
  if (!authorized(request)) {
    log({ type: "unauthorized", from: peer, method, path: short(url) });
    const reply = refuse(401, "expected the header Authorization: Bearer <RAY_EP_HEALTH_TOKEN>");
    return { ...reply, headers: { "www-authenticate": "Bearer" } };
  }
  const body = await readBody(request);
  if (body === null) return null;
  return body.ok ? handler(service, { name: route.name, body: body.value, peer }) : body.error;
}

/** Node refuses all but visible ASCII in it, but takes kilobytes. */
const short = (url: string): string => url.slice(0, 300);

function methodNotAllowed(method: string, methods: readonly string[]): Reply {
  const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : [])].join(", ");
  return { ...refuse(405, `expected ${allow} here, got ${method}`), headers: { allow } };
}

function count({ answers }: Service, status: number): void {
  answers.set(status, (answers.get(status) ?? 0) + 1);
}

/** Compares digests, so that neither the time taken nor a length tells anything of the token. */
function createGuard(token: string | null): (request: IncomingMessage) => boolean {
  if (token === null) return () => true;
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const wanted = digest(`Bearer ${token}`);
  return (request) => timingSafeEqual(digest(request.headers.authorization ?? ""), wanted);
}
