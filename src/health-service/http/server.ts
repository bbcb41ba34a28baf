import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Service } from "../service.ts";
import { Connections } from "./connections.ts";
import { createHandler } from "./routes.ts";
import { type Reply, refuse, short } from "./writes.ts";

export interface ServerLimits {
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
export function createHealthServer(
  service: Service,
  { requestTimeoutMs, maxConnections }: ServerLimits,
): Server {
  const connections = new Connections(maxConnections);
  const handle = createHandler(service);
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
    if (!connections.begin(request, response)) return;
    void handle(request)
      .catch((error: unknown) => {
        const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
        service.settings.log({ type: "bug", where: `${request.method} ${short(request.url)}`, detail });
        return refuse(500, "a bug in the health service; its log has the details");
      })
      .then((reply) => reply !== null && send(service, response, reply));
  };
  server.on("connection", (socket) => connections.add(socket));
  server.on("request", begin);
  // Node's own answer to an unknown `Expect` header has the same fault.
  server.on("checkExpectation", begin);
  server.setTimeout(IDLE_MS);
  server.maxHeadersCount = MAX_HEADERS;
  return server;
}

function send({ answers }: Service, response: ServerResponse, { status, headers, body }: Reply): void {
  answers.set(status, (answers.get(status) ?? 0) + 1);
  const content = typeof body === "string" || Buffer.isBuffer(body) ? body : `${JSON.stringify(body)}\n`;
  const length = Buffer.byteLength(content);
  response.writeHead(status, { "content-type": "application/json", "content-length": length, ...headers });
  response.end(content);
}
