import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Event } from "../output/event.ts";
import type { Service } from "../service.ts";
import { type ConnectionLimits, Connections } from "./connections.ts";
import { LongAnswers } from "./long-answers.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { type Reply, readBody, refuse, send } from "./reply.ts";
import { findRoute } from "./routes.ts";
import { createWriteGuard, type TurnedAway, type WriteGuardSettings } from "./write-guard.ts";

export interface ServerSettings extends WriteGuardSettings {
  readonly service: Service;
  readonly log: (event: Event) => void;
  /** How long a client may take to send a request. */
  readonly requestTimeoutMs: number;
  readonly connections: ConnectionLimits;
}

/** Nodes, browsers and proxies send less than half of that; more is not read. */
const MOST_HEADERS = 64;
/** Node waits one second longer than it announces to clients. */
const KEEP_ALIVE_MS = 4000;
/** No proper client leaves an answer unread that long, and no answer of ours takes longer to make. */
const IDLE_MS = 10_000;

/** The HTTP service, not listening yet. No request can make it throw or hold it longer than its time limits. */
export function createHealthServer(settings: ServerSettings): Server {
  const { requestTimeoutMs } = settings;
  const answer = createAnswer(settings);
  const connections = new Connections(settings.connections);
  const lines = new WeakMap<Socket, OneAtATime>();
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
    const { socket } = request;
    if (!lines.get(socket)?.begin(request, response, () => connections.rest(socket))) return;
    connections.work(socket);
    answer(request, response);
  };
  server.on("connection", (socket: Socket) => {
    connections.add(socket);
    lines.set(socket, new OneAtATime(socket));
  });
  server.on("request", begin);
  // Node's own answer to an unknown `Expect` header has the same fault.
  server.on("checkExpectation", begin);
  server.setTimeout(IDLE_MS);
  server.maxHeadersCount = MOST_HEADERS;
  return server;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

function createAnswer(settings: ServerSettings): Answer {
  const { service } = settings;
  const whyNot = createWriteGuard(settings);
  const long = new LongAnswers();
  const reply = (response: ServerResponse, answer: Reply): void => {
    count(service, answer.status);
    long.note(response, answer.body.length);
    send(response, answer);
  };
  return (request, response) => {
    if (request.url === "/" && request.method === "GET") return answerRoot(service, response);
    handle(settings, whyNot, request).then(
      (answer) => answer !== null && reply(response, answer),
      (error: unknown) => {
        const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
        settings.log({ type: "bug", where: `${request.method} ${short(request.url ?? "")}`, detail });
        reply(response, refuse(500, "a bug in the health service; its log has the details"));
      },
    );
  };
}

const ROOT_HEADERS = ["content-type", "text/plain; charset=utf-8", "content-length", "2"];

/** Load balancers and health checks ask this all day: it takes the short way. */
function answerRoot(service: Service, response: ServerResponse): void {
  count(service, 200);
  response.writeHead(200, ROOT_HEADERS);
  response.end("OK");
}

/** Null when the client went away before it had said everything. */
async function handle(
  { service, log }: ServerSettings,
  whyNot: (headers: IncomingMessage["headers"]) => TurnedAway | null,
  request: IncomingMessage,
): Promise<Reply | null> {
  const { method = "", url = "", headers } = request;
  const route = findRoute(url);
  if (route === null) return refuse(404, `there is nothing at ${url.slice(0, 200)}`);
  const handler = route.methods[method === "HEAD" ? "GET" : method];
  if (handler === undefined) return methodNotAllowed(method, Object.keys(route.methods));
  const peer = request.socket.remoteAddress ?? "unknown";
  if (method === "GET" || method === "HEAD") return handler(service, { name: route.name, body: "", peer });
  const turnedAway = whyNot(headers);
  if (turnedAway !== null) {
    log({ type: "turned-away", from: peer, method, path: short(url), cause: turnedAway.cause });
    return turnedAway.reply;
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
