import * as z from "zod/mini";
import { Name } from "../common/from-outside.ts";
import {
  LeaseRelease,
  LeaseRequest,
  type NodeNoted,
  NodeReport,
  ReachRequest,
} from "../common/lease-protocol.ts";
import { json, parseBody, type Reply, refuse } from "./reply.ts";
import type { Service } from "./service.ts";
import { viewLease } from "./view.ts";

/** What a handler gets: the path's last part, decoded, the body as text (empty for reads), and who asks. */
interface Call {
  readonly name: string;
  readonly body: string;
  /** The address that the request came from. */
  readonly peer: string;
}

type Handler = (service: Service, call: Call) => Reply | Promise<Reply>;

export interface Route {
  readonly methods: Readonly<Partial<Record<string, Handler>>>;
  readonly name: string;
}

const OK: Reply = { status: 200, type: "text/plain; charset=utf-8", body: "OK" };
const JSON_200 = { status: 200, type: "application/json" } as const;
const METRICS_200 = { status: 200, type: "text/plain; version=0.0.4; charset=utf-8" } as const;

/** A handler of a write: the body is parsed first, and refused with the reasons where it is wrong. */
const write =
  <T>(schema: z.ZodMiniType<T>, handle: (service: Service, body: T, call: Call) => Promise<Reply>): Handler =>
  (service, call) => {
    const parsed = parseBody(schema, call.body);
    return parsed.ok ? handle(service, parsed.value, call) : parsed.error;
  };

const ROOT = { GET: () => OK };
const CLUSTER = {
  GET: async ({ texts }: Service): Promise<Reply> => ({ ...JSON_200, body: await texts.cluster.get() }),
};
const METRICS = {
  GET: async ({ texts }: Service): Promise<Reply> => ({ ...METRICS_200, body: await texts.metrics.get() }),
};
const HEAD = {
  GET: (service: Service) => json(200, viewLease(service)),
  PUT: write(LeaseRequest, async ({ lease, isOwnAddress }, request, { peer }) => {
    const answer = (await isOwnAddress(request, peer)) ? await lease.ask(request) : lease.turnAway(request);
    return json(answer.granted ? 200 : 409, answer);
  }),
  DELETE: write(LeaseRelease, async ({ lease }, release) => json(200, await lease.release(release))),
};
const NODE = { PUT: write(NodeReport, noteNode) };
const REACH = {
  POST: write(ReachRequest, async ({ reach }, request, { peer }) => json(200, await reach(request, peer))),
};

const FIXED: Readonly<Record<string, Route["methods"]>> = {
  "/": ROOT,
  "/v1/cluster": CLUSTER,
  "/v1/head": HEAD,
  "/v1/reach": REACH,
  "/metrics": METRICS,
};
const NODES = "/v1/nodes/";

/** The route of a request's path (its query is nobody's business here), or null where there is none. */
export function findRoute(url: string): Route | null {
  const path = url.split("?", 1)[0] ?? url;
  if (Object.hasOwn(FIXED, path)) return { methods: FIXED[path] ?? {}, name: "" };
  const name = path.startsWith(NODES) ? decodeName(path.slice(NODES.length)) : null;
  return name === null ? null : { methods: NODE, name };
}

function decodeName(text: string): string | null {
  if (text === "" || text.includes("/")) return null;
  try {
    const name = decodeURIComponent(text);
    return z.safeParse(Name, name).data ?? null;
  } catch {
    return null;
  }
}

async function noteNode({ nodes, lease }: Service, report: NodeReport, { name, peer }: Call): Promise<Reply> {
  const noted = nodes.note(name, report, peer, lease.holderNamed(name));
  if (noted === "duplicate-name")
    return json(409, {
      reason: "duplicate-name",
      message: `two living nodes are named ${name}; give each node its own hostname`,
    });
  if (noted === "too-many") return refuse(429, "too many nodes are known already");
  // Whoever may write is believed, workers too: they are no candidates, and remember for a service that forgot.
  if (report.seen !== undefined) await lease.hear(report.seen);
  const { instance, epoch } = lease.view();
  const answer: NodeNoted = { instance, epoch, namesake: nodes.hasRival(name) };
  return json(200, answer);
}
