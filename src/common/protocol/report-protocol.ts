import * as z from "zod/mini";
import { Count, Host, Line, Name, Port, Text, visible, Word } from "./from-outside.ts";
import { Epoch, Holder, LeaseRequest } from "./lease-protocol.ts";
import { NodeStatus } from "./node-status.ts";

/* What nodes report to the health service, what they hear from it, and how it shows the cluster: in seconds, as lease-protocol.ts. */

/** Of a log: what a report carries at most, what the service keeps of each node, and how long a line is. */
export const MAX_LOG_LINES = 50;
export const MAX_LOG_LINE = 500;

const ReportedLog = z.object({
  first: Count,
  lines: z.array(z.string().check(z.maxLength(MAX_LOG_LINE), visible)).check(z.maxLength(MAX_LOG_LINES)),
});

/** Body of `PUT /v1/nodes/NAME`: without a new one the name is free after three TTLs, and the node is shown as silent for an hour. */
export const NodeReport = z.object({
  life: Name,
  role: z.nullable(z.enum(["head", "worker"])),
  /** The entrypoint's state.ts has the chart. */
  state: z.enum([
    "deciding",
    "waiting-for-head",
    "starting",
    "ready",
    "watching",
    "restarting",
    "draining",
    "stopped",
  ]),
  /** The HEAD that this node follows or is: host:port. */
  head: z.nullable(Word),
  /** What this node advertises to Ray, and the ports that the service may be asked to dial back. */
  advertise: z.nullable(Host),
  nodeManagerPort: z.nullable(Port),
  /** Object manager, first worker port. */
  ports: z.optional(z.array(Port).check(z.maxLength(4))),
  seen: LeaseRequest.shape.seen,
  /** Of a member: which of Ray's tokens it has. */
  rayTokenId: z.optional(Count),
  /**
   * What the entrypoint wrote since the last report that this service answered with 200, or, where the service is another
   * `instance`, last. `first`: the number of the first line in this life.
   */
  log: z.optional(
    z.pipe(
      z.unknown(),
      z.transform((log) => z.safeParse(ReportedLog, log).data),
    ),
  ),
  /** Its status; a node of another version may send none, or one that is not understood here. */
  status: z.optional(
    z.pipe(
      z.unknown(),
      z.transform((status) => z.safeParse(NodeStatus, status).data),
    ),
  ),
});
export type NodeReport = z.infer<typeof NodeReport>;

/** Body of `GET /v1/cluster`, and of `GET /v1/head`, which leaves the nodes out. */
export const ClusterView = z.object({
  service: z.literal("ray-entrypoint-health"),
  version: Text,
  instance: Name,
  /** Seconds that the service has been up. */
  uptime: z.number(),
  ttl: z.number(),
  /** The highest epoch ever granted. */
  epoch: Epoch,
  /** The last one, also after its lease ended; null when none is known or it released. */
  holder: z.nullable(Holder),
  /** True where its last holder gave the lease back; and who it was, how many seconds ago, if the service saw it. */
  released: z.optional(z.boolean()),
  releasedBy: z.optional(z.object({ node: Name, address: Word, ago: z.number() })),
  nodes: z.array(
    z.object({
      ...{ name: Name, seenAgo: z.number() },
      /** It should have reported by now. */
      silent: z.optional(z.boolean()),
      ...z.omit(NodeReport, { life: true, log: true }).shape,
    }),
  ),
  /** How many nodes the list has no room for. */
  omitted: z.optional(z.number()),
});
export type ClusterView = z.infer<typeof ClusterView>;

/** Each of them is asked before a decision, and keeps a health service. */
export const MAX_CANDIDATES = 16;

/**
 * What members hear with each report: who may become HEAD, as HEAD_WHITELIST has it, where health services listen (host:port), and
 * which one decides under which term. A member proves the highest one with each request, and so no older service decides again.
 */
export const ClusterNews = z.object({
  candidates: Line,
  services: z.array(Word).check(z.maxLength(MAX_CANDIDATES)),
  term: z.optional(Count),
  leader: z.optional(Word),
  /** That it does, signed by the cluster's CA: what members say of terms counts only with it. */
  proof: z.optional(Word),
  /** Which of Ray's tokens counts; a member that has another one fetches it, and restarts its Ray. */
  rayTokenId: z.optional(Count),
});
export type ClusterNews = z.infer<typeof ClusterNews>;

/** 200 of `PUT /v1/nodes/NAME`. `namesake`: a younger living process was refused this name. `news`: of a cluster of members. */
export const NodeNoted = z.object({
  ...{ instance: Name, epoch: Epoch, namesake: z.boolean() },
  news: z.optional(ClusterNews),
});
export type NodeNoted = z.infer<typeof NodeNoted>;

/** 409 of `PUT /v1/nodes/NAME`: an older living process reports under the same name. */
export const NodeRefused = z.object({ reason: z.literal("duplicate-name"), message: Text });
export type NodeRefused = z.infer<typeof NodeRefused>;
