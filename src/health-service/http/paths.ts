import * as z from "zod/mini";
import * as wire from "../../common/protocol/lease-protocol.ts";
import { ReachRequest } from "../../common/protocol/reach-protocol.ts";
import { NodeReport } from "../../common/protocol/report-protocol.ts";
import type { Identity } from "../cluster/callers.ts";
import type { Takeover } from "../cluster/services/takeover.ts";
import type { Unavailable } from "../lease/keeping.ts";
import { duplicateName, type Service } from "../service.ts";
import { standby, whyNotAdmin, whyNotFor } from "./credentials.ts";
import { historyPaths } from "./history-paths.ts";
import { memberPaths } from "./member-paths.ts";
import { renderMetrics } from "./metrics.ts";
import { PAGE } from "./page.ts";
import { clusterText, paced } from "./reads.ts";
import { ok, type Paths, type Reply, refuse } from "./reply.ts";
import { sessionPaths } from "./session-paths.ts";
import { takeoverPaths } from "./takeover-paths.ts";
import { createWrites, MAX_REPORT } from "./writes.ts";

const METRICS = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };

/** All paths of a service. */
export function pathsOf(service: Service, takeover?: Takeover): Paths {
  const { settings } = service;
  const write = createWrites(settings);
  const cluster = paced(() => clusterText(service));
  const metrics = paced(() => renderMetrics(service));
  return {
    ...PAGE,
    ...sessionPaths(service, write),
    ...(settings.cluster && memberPaths(service, settings.cluster, write)),
    ...historyPaths(service, cluster),
    ...(takeover && settings.cluster && takeoverPaths(takeover, settings.cluster, write)),
    "/v1/cluster": { GET: async () => ok(await cluster()) },
    "/metrics": { GET: async () => ({ status: 200, headers: METRICS, body: await metrics() }) },
    "/v1/head": {
      GET: async () => {
        const trouble = await service.lease.look();
        return trouble === null ? ok(service.view()) : refuse(503, trouble.unavailable);
      },
      PUT: write(wire.LeaseRequest, ofNode, async (request, { peer, caller }) => {
        const body = await service.ask(request, peer);
        // Another service has taken over since: what that one was told is all that was granted.
        if (settings.cluster?.decides === false) return standby(settings.cluster, caller);
        return leaseReply(body, (answer) => (answer.granted ? 200 : 409));
      }),
      DELETE: write(wire.LeaseRelease, ofNode, async (release) =>
        leaseReply(await service.release(release), () => 200),
      ),
    },
    ...(settings.shared && {
      "/v1/promote": {
        POST: write(z.object({}), whyNotAdmin, async () =>
          leaseReply(await service.lease.promote(), () => 200),
        ),
      },
    }),
    "/v1/reach": {
      POST: write(ReachRequest, ofNode, async (request, { peer }) => ok(await service.reach(request, peer))),
    },
    "/v1/nodes/": {
      PUT: write(
        NodeReport,
        (caller, _, name) => whyNotFor(caller, name),
        async (report, { peer, name }) => {
          const noted = await service.report(name, report, peer);
          if (noted === "too-many") return refuse(429, "too many nodes are known already");
          if (noted !== "duplicate-name") return ok(noted);
          return { status: 409, body: { reason: noted, message: duplicateName(name) } };
        },
        { maxBody: MAX_REPORT },
      ),
    },
  };
}

/** Where nobody can say how the lease stands, nodes go on to the next service. */
const leaseReply = <T extends object>(body: T | Unavailable, statusOf: (body: T) => number): Reply =>
  "unavailable" in body ? refuse(503, body.unavailable) : { status: statusOf(body), body };

const ofNode = (caller: Identity, { node }: { readonly node: string }) => whyNotFor(caller, node);
