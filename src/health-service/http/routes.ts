import * as z from "zod/mini";
import { Name } from "../../common/protocol/from-outside.ts";
import { LeaseRelease, LeaseRequest, NodeReport } from "../../common/protocol/lease-protocol.ts";
import { ReachRequest } from "../../common/protocol/reach.ts";
import type { Service } from "../service.ts";
import { clusterText } from "./cluster-text.ts";
import { renderMetrics } from "./metrics.ts";
import { paced } from "./paced.ts";
import { json, parseBody, type Reply, refuse } from "./reply.ts";

/** What a handler gets: the path's last part, decoded, the body as text (empty for reads), and who asks. */
interface Call {
  readonly name: string;
  readonly body: string;
  /** The address that the request came from. */
  readonly peer: string;
}

type Handler = (call: Call) => Reply | Promise<Reply>;
type Methods = Readonly<Partial<Record<string, Handler>>>;

export interface Route {
  readonly methods: Methods;
  readonly name: string;
}

const TEXT = { "content-type": "text/plain; charset=utf-8" };
const METRICS = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
const NODES = "/v1/nodes/";

/** A handler of a write: the body is parsed first, and refused with the reasons where it is wrong. */
const write =
  <T>(schema: z.ZodMiniType<T>, handle: (body: T, call: Call) => Promise<Reply>): Handler =>
  (call) => {
    const parsed = parseBody(schema, call.body);
    return parsed.ok ? handle(parsed.value, call) : parsed.error;
  };

/** The route of a request's path (its query is nobody's business here), or null where there is none. */
export function createRoutes(service: Service): (url: string) => Route | null {
  const fixed = fixedRoutes(service);
  const node: Methods = {
    PUT: write(NodeReport, (report, { name, peer }) => noteNode(service, name, report, peer)),
  };
  return (url) => {
    const path = url.split("?", 1)[0] ?? url;
    const methods = fixed.get(path);
    if (methods !== undefined) return { methods, name: "" };
    const name = path.startsWith(NODES) ? decodeName(path.slice(NODES.length)) : null;
    return name === null ? null : { methods: node, name };
  };
}

function fixedRoutes(service: Service): ReadonlyMap<string, Methods> {
  const cluster = paced(() => clusterText(service), service.now);
  const metrics = paced(() => renderMetrics(service), service.now);
  return new Map<string, Methods>([
    ["/", { GET: () => ({ status: 200, headers: TEXT, body: "OK" }) }],
    ["/v1/cluster", { GET: async () => ({ status: 200, body: await cluster() }) }],
    ["/metrics", { GET: async () => ({ status: 200, headers: METRICS, body: await metrics() }) }],
    [
      "/v1/head",
      {
        GET: () => json(200, service.view()),
        PUT: write(LeaseRequest, async (request, { peer }) => {
          const answer = await service.ask(request, peer);
          return json(answer.granted ? 200 : 409, answer);
        }),
        DELETE: write(LeaseRelease, async (release) => json(200, await service.lease.release(release))),
      },
    ],
    [
      "/v1/reach",
      {
        POST: write(ReachRequest, async (request, { peer }) => json(200, await service.reach(request, peer))),
      },
    ],
  ]);
}

function decodeName(text: string): string | null {
  if (text.includes("/")) return null;
  try {
    return z.safeParse(Name, decodeURIComponent(text)).data ?? null;
  } catch {
    return null;
  }
}

async function noteNode(service: Service, name: string, report: NodeReport, peer: string): Promise<Reply> {
  const noted = await service.report(name, report, peer);
  if (noted === "too-many") return refuse(429, "too many nodes are known already");
  if (noted !== "duplicate-name") return json(200, noted);
  const message = `two living nodes are named ${name}; give each node its own hostname`;
  return json(409, { reason: noted, message });
}
