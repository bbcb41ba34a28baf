import * as z from "zod/mini";
import type { Cluster } from "../cluster/cluster.ts";
import { parseReplicaPath } from "../cluster/services/replica.ts";
import type { Takeover } from "../cluster/services/takeover.ts";
import { standby, whyNotAdmin } from "./credentials.ts";
import { kept } from "./member-paths.ts";
import { ok, type Paths, refuse } from "./reply.ts";
import type { createWrites } from "./writes.ts";

/** The paths by which several services of one cluster agree which of them decides. */
export const takeoverPaths = (
  takeover: Takeover,
  cluster: Cluster,
  write: ReturnType<typeof createWrites>,
): Paths => ({
  "/v1/leader": { GET: () => ok(takeover.standing()) },
  "/v1/replica": {
    GET: async ({ url = "" }, _, caller) => {
      const asked = parseReplicaPath(url);
      if (asked === undefined) return refuse(400, "expected ?service=host:port&rank=TERM@host:port");
      if (caller.kind !== "member" || !caller.candidate)
        return refuse(
          403,
          "expected the credential of a candidate: it may take over, and so is told all secrets",
        );
      const replica = await takeover.replica(caller.name, asked);
      return replica === null && !cluster.decides ? standby(cluster, caller) : kept(replica);
    },
  },
  "/v1/promote": {
    POST: write(z.object({}), whyNotAdmin, async () => {
      const promoted = await takeover.promote();
      return typeof promoted === "string" ? refuse(409, otherDecides(promoted)) : kept(promoted);
    }),
  },
});

const otherDecides = (service: string): string =>
  `${service} decides and does not hand over: this machine's node is no candidate of its cluster any more; join again, or stop that service first`;
