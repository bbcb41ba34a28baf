import type { IncomingMessage } from "node:http";
import type { ClusterEvents } from "../../common/protocol/events-protocol.ts";
import { MAX_EVENTS } from "../../common/protocol/kept-events.ts";
import type { Identity } from "../cluster/callers.ts";
import type { Service } from "../service.ts";
import { paced } from "./reads.ts";
import { ok, type Paths, refuse } from "./reply.ts";
import { readerOf } from "./session-paths.ts";
import { Streams } from "./streams.ts";
import { prometheusTargets } from "./targets.ts";

const READERS_FULL = refuse(
  503,
  "too many read the stream already; ask GET /v1/cluster and GET /v1/events instead",
);

/** The paths that tell what happened. `cluster`: the body of `GET /v1/cluster`. */
export function historyPaths(service: Service, cluster: () => Promise<Buffer>): Paths {
  const { history, logs, settings } = service;
  const streams = new Streams(service, cluster);
  const targets = paced(() => `${JSON.stringify(prometheusTargets(service.nodes()))}\n`);
  return {
    "/v1/events": {
      GET: (request) => {
        const after = numberIn(request, "after", 0);
        const limit = numberIn(request, "limit", MAX_EVENTS);
        if (after === undefined || limit === undefined)
          return refuse(400, "expected ?after=ID&limit=NUMBER, in digits only");
        const events = limit === 0 ? [] : [...history.after(after, limit)];
        return ok({ instance: settings.instance, events } satisfies ClusterEvents);
      },
    },
    "/v1/nodes//log": {
      GET: (_, name) => {
        const lines = logs.of(name);
        return lines === undefined
          ? refuse(404, "no node of that name has sent lines of its log")
          : ok(lines);
      },
    },
    "/v1/stream": {
      GET: (request, _, caller) => {
        const after = numberIn(request, "after", request.headers["last-event-id"]);
        if (after === undefined) return refuse(400, "expected ?after=ID, in digits only");
        const mayRead = () => isStill(service, request, caller);
        const stream = streams.open(after, caller, mayRead);
        if (stream === undefined) return READERS_FULL;
        return request.method === "HEAD" ? { ...stream, stream: (response) => void response.end() } : stream;
      },
    },
    "/v1/prometheus-targets": { GET: async () => ok(await targets()) },
  };
}

/** Whether a request would be heard as that caller's now: its membership may have ended. Nobody counts as heard by it. */
function isStill(service: Service, request: IncomingMessage, { kind }: Identity): boolean {
  if (kind === "reader") return readerOf(service, request) !== undefined;
  const { cluster } = service.settings;
  return cluster === undefined || cluster.callers.find(request.headers.authorization).kind === kind;
}

/** A number of the query; undefined: it is none. Where it is not given, `otherwise`; without that all is meant. */
function numberIn({ url = "" }: IncomingMessage, name: string, otherwise: unknown): number | undefined {
  const given = new URLSearchParams(url.split("?")[1]).get(name) ?? otherwise ?? Number.MAX_SAFE_INTEGER;
  return /^\d{1,16}$/.test(String(given)) ? Number(given) : undefined;
}
