import * as wire from "../../common/protocol/lease-protocol.ts";
import { ReachRequest } from "../../common/protocol/reach-protocol.ts";
import type { Identity } from "../cluster/callers.ts";
import type { Takeover } from "../cluster/takeover.ts";
import type { Service } from "../service.ts";
import { carrierPath } from "./carrier-path.ts";
import { whyNotFor } from "./credentials.ts";
import { memberPaths } from "./member-paths.ts";
import { clusterText, paced, renderMetrics } from "./reads.ts";
import { ok, type Paths, type Reply, refuse } from "./reply.ts";
import { takeoverPaths } from "./takeover-paths.ts";
import { createWrites } from "./writes.ts";

const TEXT = { "content-type": "text/plain; charset=utf-8" };
const METRICS = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };

/** For those who only want to know whether this service lives. */
export const ROOT: Paths = { "/": { GET: (): Reply => ({ status: 200, headers: TEXT, body: "OK" }) } };

/** All paths of a service. */
export function pathsOf(service: Service, takeover?: Takeover): Paths {
  const { settings } = service;
  const write = createWrites(settings);
  const cluster = paced(() => clusterText(service));
  const metrics = paced(() => renderMetrics(service));
  return {
    ...ROOT,
    ...(settings.cluster && memberPaths(service, settings.cluster, write)),
    ...(settings.cluster && carrierPath(settings.cluster, settings.config.RAY_EP_CLUSTER_DIR ?? "")),
    ...(takeover && takeoverPaths(takeover, write)),
    "/v1/cluster": { GET: async () => ok(await cluster()) },
    "/metrics": { GET: async () => ({ status: 200, headers: METRICS, body: await metrics() }) },
    "/v1/head": {
      GET: () => ok(service.view()),
      PUT: write(wire.LeaseRequest, ofNode, async (request, { peer }) => {
        const body = await service.ask(request, peer);
        return { status: body.granted ? 200 : 409, body };
      }),
      DELETE: write(wire.LeaseRelease, ofNode, async (release) => ok(await service.lease.release(release))),
    },
    "/v1/reach": {
      POST: write(ReachRequest, ofNode, async (request, { peer }) => ok(await service.reach(request, peer))),
    },
    "/v1/nodes/": {
      PUT: write(
        wire.NodeReport,
        (caller, _, name) => whyNotFor(caller, name),
        async (report, { peer, name }) => {
          const noted = await service.report(name, report, peer);
          if (noted === "too-many") return refuse(429, "too many nodes are known already");
          if (noted !== "duplicate-name") return ok(noted);
          const message = `two living nodes are named ${name}; give each node its own hostname`;
          return { status: 409, body: { reason: noted, message } };
        },
      ),
    },
  };
}

const ofNode = (caller: Identity, { node }: { readonly node: string }) => whyNotFor(caller, node);
