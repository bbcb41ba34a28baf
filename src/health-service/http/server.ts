import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import * as z from "zod/mini";
import { readText } from "../../common/files.ts";
import { Name } from "../../common/protocol/from-outside.ts";
import { attempt } from "../../common/result.ts";
import type { Identity } from "../cluster/callers.ts";
import type { Service } from "../service.ts";
import { Connections, maxConnections } from "./connections.ts";
import { callerOf, whyNotHeard, whyNotNow } from "./credentials.ts";
import { pathsOf } from "./paths.ts";
import { type Paths, type Reply, refuse } from "./reply.ts";
import { readerOf } from "./session-paths.ts";
import { short } from "./writes.ts";

/** How long a client may take to send a request. */
const REQUEST_TIMEOUT_MS = 5000;
/** Nodes, browsers and proxies send less than half of that. */
const MAX_HEADERS = 64;
/** Node waits one second longer than it announces to clients. */
const KEEP_ALIVE_MS = 4000;
/** No proper client leaves an answer unread that long, and no answer of ours takes longer to make. */
const IDLE_MS = 10_000;

/** How connections come: at which event one is ready for HTTP. */
export interface Transport {
  readonly event: "connection" | "secureConnection";
  readonly create: (options: ServerOptions) => Server;
}

const PLAIN: Transport = { event: "connection", create: createServer };

interface Limits {
  readonly requestTimeoutMs?: number | undefined;
  readonly max?: number;
}

/** The HTTP service, not listening yet. No request can make it throw or hold it longer than its time limits. */
export function createHealthServer(
  service: Service,
  { requestTimeoutMs = REQUEST_TIMEOUT_MS, max = openFiles() }: Limits = {},
  paths = pathsOf(service),
  { event, create } = PLAIN,
): Server {
  const connections = new Connections(max);
  const handle = createRouter(service, paths);
  const server = create({
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
    if (!connections.begin(request, response)) return;
    void handle(request)
      .catch((error: unknown) => {
        const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
        service.settings.log({ type: "bug", where: `${request.method} ${short(request.url)}`, detail });
        return refuse(500, "a bug in the health service; its log has the details");
      })
      .then((reply) => reply !== null && send(service, response, reply));
  };
  server.on(event, (socket: Socket) => connections.add(socket));
  server.on("request", begin);
  // Node's own answer to an unknown `Expect` header has the same fault.
  server.on("checkExpectation", begin);
  server.setTimeout(IDLE_MS);
  server.maxHeadersCount = MAX_HEADERS;
  return server;
}

/** How many connections this process has files for. */
export const openFiles = (): number => maxConnections(readText("/proc/self/limits"));

function send(
  { answers }: Service,
  response: ServerResponse,
  { status, headers, body, stream }: Reply,
): void {
  answers.set(status, (answers.get(status) ?? 0) + 1);
  if (stream !== undefined) {
    stream(response.writeHead(status, headers));
    return;
  }
  const content = typeof body === "string" || Buffer.isBuffer(body) ? body : `${JSON.stringify(body)}\n`;
  const length = Buffer.byteLength(content);
  response.writeHead(status, { "content-type": "application/json", "content-length": length, ...headers });
  response.end(content);
}

/** What strangers may ask for, where all others have credentials. */
const OPEN: ReadonlySet<string> = new Set(["/", "/v1/join", "/v1/leader", "/v1/session", "/v1/carrier"]);
/** Paths with a name: what stands before it, and what may stand behind it. */
const NAMED = /^(\/v1\/(?:nodes|members)\/)([^/]*)(\/log)?$/;

/** Finds who answers a request, by its path. */
function createRouter(service: Service, paths: Paths) {
  const { cluster, log } = service.settings;
  // A map has no names of its own, such as "constructor".
  const known = new Map(Object.entries(paths));
  const whyNot = async (request: IncomingMessage, path: string, caller: Identity): Promise<Reply | null> => {
    if (cluster === undefined) return null;
    const { method = "", url = "", socket } = request;
    await cluster.hear(url, caller);
    const notNow = whyNotNow(cluster, caller, method, path);
    if (notNow !== null) return notNow;
    const refusal = OPEN.has(path) ? null : whyNotHeard(caller);
    const from = socket.remoteAddress ?? "unknown";
    const cause = refusal?.status === 403 ? "a removed member" : "no credential of a member";
    if (refusal !== null) log({ type: "turned-away", from, method, path: short(url), cause });
    return refusal;
  };
  return async (request: IncomingMessage): Promise<Reply | null> => {
    const { method = "", url = "" } = request;
    const [path = ""] = url.split("?", 1);
    const [, folder = path, last, rest = ""] = NAMED.exec(path) ?? [];
    const name = last === undefined ? "" : decodeName(last);
    const methods = known.get(`${folder}${rest}`);
    if (methods === undefined || name === undefined)
      return refuse(404, `there is nothing at ${url.slice(0, 200)}`);
    const caller = readerOf(service, request) ?? callerOf(cluster, request.headers);
    const refusal = await whyNot(request, path, caller);
    if (refusal !== null) return refusal;
    const handler = methods[method === "HEAD" ? "GET" : method];
    if (handler !== undefined) return handler(request, name, caller);
    const allow = [...Object.keys(methods), ...(methods.GET ? ["HEAD"] : [])].join(", ");
    return refuse(405, `expected ${allow} here, got ${method}`, { allow });
  };
}

const decodeName = (text: string): string | undefined =>
  attempt(() => z.parse(Name, decodeURIComponent(text)));
