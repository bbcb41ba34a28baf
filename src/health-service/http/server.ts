import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import * as z from "zod/mini";
import { readText } from "../../common/files.ts";
import { Name } from "../../common/protocol/from-outside.ts";
import * as wire from "../../common/protocol/lease-protocol.ts";
import { ReachRequest } from "../../common/protocol/reach-protocol.ts";
import { attempt } from "../../common/result.ts";
import type { Service } from "../service.ts";
import { Connections, maxConnections } from "./connections.ts";
import { clusterText, paced, renderMetrics } from "./reads.ts";
import { createWrites, type Handler, type Reply, refuse, short } from "./writes.ts";

/** How long a client may take to send a request. */
const REQUEST_TIMEOUT_MS = 5000;
/** Nodes, browsers and proxies send less than half of that. */
const MAX_HEADERS = 64;
/** Node waits one second longer than it announces to clients. */
const KEEP_ALIVE_MS = 4000;
/** No proper client leaves an answer unread that long, and no answer of ours takes longer to make. */
const IDLE_MS = 10_000;

/** The HTTP service, not listening yet. No request can make it throw or hold it longer than its time limits. */
export function createHealthServer(
  service: Service,
  requestTimeoutMs = REQUEST_TIMEOUT_MS,
  max = maxConnections(readText("/proc/self/limits")),
): Server {
  const connections = new Connections(max);
  const handle = createRouter(service);
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

const TEXT = { "content-type": "text/plain; charset=utf-8" };
const METRICS = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
const NODES = "/v1/nodes/";

const ok = (body: object): Reply => ({ status: 200, body });

function pathsOf(service: Service) {
  const write = createWrites(service.settings);
  const cluster = paced(() => clusterText(service));
  const metrics = paced(() => renderMetrics(service));
  const paths: Readonly<Record<string, Readonly<Partial<Record<string, Handler>>>>> = {
    "/": { GET: () => ({ status: 200, headers: TEXT, body: "OK" }) },
    "/v1/cluster": { GET: async () => ok(await cluster()) },
    "/metrics": { GET: async () => ({ status: 200, headers: METRICS, body: await metrics() }) },
    "/v1/head": {
      GET: () => ok(service.view()),
      PUT: write(wire.LeaseRequest, async (request, peer) => {
        const body = await service.ask(request, peer);
        return { status: body.granted ? 200 : 409, body };
      }),
      DELETE: write(wire.LeaseRelease, async (release) => ok(await service.lease.release(release))),
    },
    "/v1/reach": {
      POST: write(ReachRequest, async (request, peer) => ok(await service.reach(request, peer))),
    },
    [NODES]: {
      PUT: write(wire.NodeReport, async (report, peer, name) => {
        const noted = await service.report(name, report, peer);
        if (noted === "too-many") return refuse(429, "too many nodes are known already");
        if (noted !== "duplicate-name") return ok(noted);
        const message = `two living nodes are named ${name}; give each node its own hostname`;
        return { status: 409, body: { reason: noted, message } };
      }),
    },
  };
  // A map has no names of its own, such as "constructor".
  return new Map(Object.entries(paths));
}

/** Finds who answers a request; its query is nobody's business here. */
function createRouter(service: Service) {
  const paths = pathsOf(service);
  return async (request: IncomingMessage): Promise<Reply | null> => {
    const { method = "", url = "" } = request;
    const [path = ""] = url.split("?", 1);
    const isNode = path.startsWith(NODES);
    const name = isNode ? decodeName(path.slice(NODES.length)) : "";
    const methods = paths.get(isNode ? NODES : path);
    if (methods === undefined || name === undefined)
      return refuse(404, `there is nothing at ${url.slice(0, 200)}`);
    const handler = methods[method === "HEAD" ? "GET" : method];
    if (handler !== undefined) return handler(request, name);
    const allow = [...Object.keys(methods), ...(methods.GET ? ["HEAD"] : [])].join(", ");
    return refuse(405, `expected ${allow} here, got ${method}`, { allow });
  };
}

const decodeName = (text: string): string | undefined =>
  text.includes("/") ? undefined : attempt(() => z.parse(Name, decodeURIComponent(text)));
