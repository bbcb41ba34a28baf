import type { IncomingMessage } from "node:http";
import * as z from "zod/mini";
import { Name } from "../../common/protocol/from-outside.ts";
import { LeaseRelease, LeaseRequest, NodeReport } from "../../common/protocol/lease-protocol.ts";
import { ReachRequest } from "../../common/protocol/reach.ts";
import type { Service } from "../service.ts";
import { clusterText, paced, renderMetrics } from "./reads.ts";
import { createWrites, type Handler, type Reply, refuse } from "./writes.ts";

type Methods = Readonly<Partial<Record<string, Handler>>>;

const TEXT = { "content-type": "text/plain; charset=utf-8" };
const METRICS = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
const NODES = "/v1/nodes/";

const ok = (body: object): Reply => ({ status: 200, body });

function pathsOf(service: Service): ReadonlyMap<string, Methods> {
  const { now } = service.settings;
  const write = createWrites(service.settings);
  const cluster = paced(() => clusterText(service), now);
  const metrics = paced(() => renderMetrics(service), now);
  const paths: Readonly<Record<string, Methods>> = {
    "/": { GET: () => ({ status: 200, headers: TEXT, body: "OK" }) },
    "/v1/cluster": { GET: async () => ok(await cluster()) },
    "/metrics": { GET: async () => ({ status: 200, headers: METRICS, body: await metrics() }) },
    "/v1/head": {
      GET: () => ok(service.view()),
      PUT: write(LeaseRequest, async (request, { peer }) => {
        const body = await service.ask(request, peer);
        return { status: body.granted ? 200 : 409, body };
      }),
      DELETE: write(LeaseRelease, async (release) => ok(await service.lease.release(release))),
    },
    "/v1/reach": {
      POST: write(ReachRequest, async (request, { peer }) => ok(await service.reach(request, peer))),
    },
    [NODES]: {
      PUT: write(NodeReport, async (report, { name, peer }) => {
        const noted = await service.report(name, report, peer);
        if (noted === "too-many") return refuse(429, "too many nodes are known already");
        if (noted !== "duplicate-name") return ok(noted);
        const message = `two living nodes are named ${name}; give each node its own hostname`;
        return { status: 409, body: { reason: noted, message } };
      }),
    },
  };
  return new Map(Object.entries(paths));
}

/** Finds who answers a request; its query is nobody's business here. */
export function createHandler(service: Service): (request: IncomingMessage) => Promise<Reply | null> {
  const paths = pathsOf(service);
  return async (request) => {
    const { method = "", url = "" } = request;
    const path = url.split("?", 1)[0] ?? url;
    const isNode = path.startsWith(NODES);
    const name = isNode ? decodeName(path.slice(NODES.length)) : "";
    const methods = paths.get(isNode ? NODES : path);
    if (methods === undefined || name === undefined)
      return refuse(404, `there is nothing at ${url.slice(0, 200)}`);
    const handler = methods[method === "HEAD" ? "GET" : method];
    if (handler !== undefined) return handler(request, name);
    const allow = [...Object.keys(methods), ...(methods.GET ? ["HEAD"] : [])].join(", ");
    return refuse(405, `expected ${allow} here, got ${method}`, { headers: { allow } });
  };
}

function decodeName(text: string): string | undefined {
  if (text.includes("/")) return undefined;
  try {
    return z.safeParse(Name, decodeURIComponent(text)).data;
  } catch {
    return undefined;
  }
}
