import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { err, ok, type Result } from "../../common/result.ts";
import type { Event } from "../event.ts";
import type { Service } from "../service.ts";
import { Connections } from "./connections.ts";
import { type Reply, readBody, refuse } from "./reply.ts";
import { createRoutes } from "./routes.ts";
import { createWriteGuard, type WriteGuardSettings } from "./write-guard.ts";

export interface ServerSettings extends WriteGuardSettings {
  readonly service: Service;
  readonly log: (event: Event) => void;
  /** How long a client may take to send a request. */
  readonly requestTimeoutMs: number;
  readonly maxConnections: number;
}

/** Nodes, browsers and proxies send less than half of that; more is not read. */
const MAX_HEADERS = 64;
/** Node waits one second longer than it announces to clients. */
const KEEP_ALIVE_MS = 4000;
/** No proper client leaves an answer unread that long, and no answer of ours takes longer to make. */
const IDLE_MS = 10_000;

/** The HTTP service, not listening yet. No request can make it throw or hold it longer than its time limits. */
export function createHealthServer(settings: ServerSettings): Server {
  const { requestTimeoutMs } = settings;
  const answer = createAnswer(settings);
  const connections = new Connections(settings.maxConnections);
  const server = createServer({
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(1000, requestTimeoutMs),
    maxHeaderSize: 8 * 1024,
    noDelay: true,
    // Node's own refusal ignores a request in progress on the connection; ours does not.
    requireHostHeader: false,
  });
  const begin = (request: IncomingMessage, response: ServerResponse): void => {
    if (connections.begin(request, response)) answer(request, response);
  };
  server.on("connection", (socket) => connections.add(socket));
  server.on("request", begin);
  // Node's own answer to an unknown `Expect` header has the same fault.
  server.on("checkExpectation", begin);
  server.setTimeout(IDLE_MS);
  server.maxHeadersCount = MAX_HEADERS;
  return server;
}

const ROOT_HEADERS = ["content-type", "text/plain; charset=utf-8", "content-length", "2"];

function createAnswer(
  settings: ServerSettings,
): (request: IncomingMessage, response: ServerResponse) => void {
  const { answers } = settings.service;
  const handle = createHandler(settings);
  const count = (status: number) => void answers.set(status, (answers.get(status) ?? 0) + 1);
  const send = (response: ServerResponse, { status, headers, body }: Reply): void => {
    count(status);
    const length = Buffer.byteLength(body);
    response.writeHead(status, { "content-type": "application/json", "content-length": length, ...headers });
    response.end(body);
  };
  return (request, response) => {
    // Load balancers and health checks ask this all day: it takes the short way.
    if (request.url === "/" && request.method === "GET") {
      count(200);
      response.writeHead(200, ROOT_HEADERS).end("OK");
      return;
    }
    handle(request).then(
      (reply) => reply !== null && send(response, reply),
      (error: unknown) => {
        const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
        settings.log({ type: "bug", where: `${request.method} ${short(request.url)}`, detail });
        send(response, refuse(500, "a bug in the health service; its log has the details"));
      },
    );
  };
}

/** The reply to a request; null when the client went away before it had said everything. */
function createHandler(settings: ServerSettings): (request: IncomingMessage) => Promise<Reply | null> {
  const findRoute = createRoutes(settings.service);
  const whyNot = createWriteGuard(settings);
  const bodyOf = async (request: IncomingMessage, peer: string): Promise<Result<string, Reply> | null> => {
    const { method = "", url, headers } = request;
    if (method === "GET" || method === "HEAD") return ok("");
    const turnedAway = whyNot(headers);
    if (turnedAway === null) return readBody(request);
    const { status, error, headers: more } = turnedAway;
    settings.log({ type: "turned-away", from: peer, method, path: short(url), cause: error });
    return err(refuse(status, error, { headers: more }));
  };
  return async (request) => {
    const { method = "", url = "", socket } = request;
    const route = findRoute(url);
    if (route === null) return refuse(404, `there is nothing at ${url.slice(0, 200)}`);
    const { methods, name } = route;
    const handler = methods[method === "HEAD" ? "GET" : method];
    if (handler === undefined) return methodNotAllowed(method, Object.keys(methods));
    const peer = socket.remoteAddress ?? "unknown";
    const body = await bodyOf(request, peer);
    if (body === null) return null;
    return body.ok ? handler({ name, body: body.value, peer }) : body.error;
  };
}

/** Node refuses all but visible ASCII in it, but takes kilobytes. */
const short = (url = ""): string => url.slice(0, 300);

function methodNotAllowed(method: string, methods: readonly string[]): Reply {
  const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : [])].join(", ");
  return refuse(405, `expected ${allow} here, got ${method}`, { headers: { allow } });
}
