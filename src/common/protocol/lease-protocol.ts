import * as z from "zod/mini";
import { host } from "../address.ts";
import { Count, Name, Port, Text, Word } from "./from-outside.ts";
import { NodeStatus } from "./node-status.ts";

/**
 * The wire format between entrypoints and the health service. Times are seconds, as in the environment contract.
 * `life` names one run of one entrypoint process, `instance` one run of the health service. Anybody who knows a
 * node's `life` can send requests in its name, so no answer contains one.
 */
const HostName = z
  .string()
  .check(z.refine((text) => host.parse(text).ok, { error: "expected a host name or an IPv4 address" }));

/** One change of holder each second would take 30,000 years: a higher epoch was made up. */
export const HIGHEST_EPOCH = 1e12;
export const Epoch = Count.check(z.maximum(HIGHEST_EPOCH));
/** One request a second for 30 years; a higher number is not genuine. */
const Sequence = Count.check(z.maximum(1e9));

/** Body of `PUT /v1/head`: ask for the lease (`epoch` null) or renew the one held under `epoch`. */
export const LeaseRequest = z.object({
  node: Name,
  life: Name,
  /** Where this node's GCS serves, or will serve: host:port. */
  address: Word,
  /** Hex; null until the GCS of this node was seen serving. */
  clusterId: z.nullable(Word),
  epoch: z.nullable(Epoch),
  /** "answered": every other candidate was answered for; "silent": at least one gave no answer. */
  others: z.enum(["answered", "silent"]),
  /** Whether this node ends its Ray before its lease ends (strict fencing); assumed when it is not given. */
  strict: z.optional(z.boolean()),
  /** The highest epoch that this node has seen anywhere: a service that forgot grants above it. One that was made up counts nothing. */
  seen: z.optional(Count),
  /** Grows with each request about the lease in this life, so that one that arrives late changes nothing. */
  seq: z.optional(Sequence),
});
export type LeaseRequest = z.infer<typeof LeaseRequest>;

/** Who holds the lease, in answers and in `GET /v1/cluster`. */
export const Holder = z.object({
  node: Name,
  address: Word,
  clusterId: z.nullable(Word),
  epoch: Epoch,
  /** Seconds until the lease ends if it is not renewed; 0 when it has ended. */
  expiresIn: z.number(),
  /** Seconds since it ended, if it has ended. */
  endedFor: z.optional(z.number()),
});
export type Holder = z.infer<typeof Holder>;

/** 200 of `PUT /v1/head`. */
export const LeaseGranted = z.object({
  granted: z.literal(true),
  epoch: Epoch,
  ttl: z.number(),
  instance: Name,
});
export type LeaseGranted = z.infer<typeof LeaseGranted>;

export const REFUSAL_REASONS = [
  /** Another node holds it. */
  "held",
  /** Another life with this node's name holds it, and must first fall silent or lose its lease. */
  "same-name",
  /** Another life with this node's name is alive and renews: two nodes have one name. */
  "duplicate-name",
  /** The service forgot, and a candidate was silent or the asker saw a later epoch: it waits one TTL for a living holder. */
  "quiet-period",
  /** The epoch asked to renew is not the current one; a later holder exists or existed. */
  "stale-epoch",
  /** The service knows the whitelist: this node is not in it, or the address is not known to be this node's. */
  "not-a-candidate",
  "foreign-address",
  /** The state cannot be kept on disk, so nothing is granted. */
  "storage",
] as const;

/** 409 of `PUT /v1/head`. */
export const LeaseRefused = z.object({
  granted: z.literal(false),
  reason: z.enum(REFUSAL_REASONS),
  message: Text,
  holder: z.nullable(Holder),
  /** The highest epoch ever granted, as far as the service knows. */
  epoch: Epoch,
  retryAfter: z.number(),
  instance: Name,
});
export type LeaseRefused = z.infer<typeof LeaseRefused>;

/** Body of `DELETE /v1/head`. A release by anyone but the holder changes nothing. */
export const LeaseRelease = z.object({ node: Name, life: Name, epoch: Epoch, seq: z.optional(Sequence) });
export type LeaseRelease = z.infer<typeof LeaseRelease>;

/** 200 of `DELETE /v1/head`; `released` is false when the asker was not the holder. */
export type LeaseReleased = { released: boolean; epoch: number; instance: string };

/** Body of `PUT /v1/nodes/NAME`, forgotten after three TTLs without a new one. */
export const NodeReport = z.object({
  life: Name,
  role: z.nullable(z.enum(["head", "worker"])),
  /** Where the node is in its life; the entrypoint's state.ts has the chart. */
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
  /** What this node advertises to Ray, and its node-manager port, for the reach-back check. */
  advertise: z.nullable(HostName),
  nodeManagerPort: z.nullable(Port),
  /** More ports of this node that the service may be asked to dial back: object manager, first worker port. */
  ports: z.optional(z.array(Port).check(z.maxLength(4))),
  seen: LeaseRequest.shape.seen,
  /** Its status; a node of another version may send none, or one that is not understood here. */
  status: z.optional(
    z.pipe(
      z.unknown(),
      z.transform((status) => z.safeParse(NodeStatus, status).data),
    ),
  ),
});
export type NodeReport = z.infer<typeof NodeReport>;

/** Body of `GET /v1/cluster`, and of `GET /v1/head`, which leaves the nodes out: it is for nodes, and always short. */
export const ClusterView = z.object({
  service: z.literal("ray-entrypoint-health"),
  version: Text,
  instance: Name,
  /** Seconds that the service has been up. */
  uptime: z.number(),
  ttl: z.number(),
  /** The highest epoch ever granted. */
  epoch: Epoch,
  /** The last holder, also after its lease ended (`expiresIn` 0); null when none is known or it released. */
  holder: z.nullable(Holder),
  /** True where nobody holds the lease because its last holder gave it back; false where this service does not know. */
  released: z.optional(z.boolean()),
  /** Which node released it, and how many seconds ago, if the service saw it. */
  releasedBy: z.optional(z.object({ node: Name, address: Word, ago: z.number() })),
  nodes: z.array(z.object({ name: Name, seenAgo: z.number(), ...z.omit(NodeReport, { life: true }).shape })),
  /** How many nodes that reported are not in the list, because it has no room for them. */
  omitted: z.optional(z.number()),
});
export type ClusterView = z.infer<typeof ClusterView>;

/** 200 of `PUT /v1/nodes/NAME`. `namesake`: a younger living process was refused this name. */
export const NodeNoted = z.object({ instance: Name, epoch: Epoch, namesake: z.boolean() });
export type NodeNoted = z.infer<typeof NodeNoted>;

/** 409 of `PUT /v1/nodes/NAME`: an older living process reports under the same name. */
export const NodeRefused = z.object({ reason: z.literal("duplicate-name"), message: Text });
export type NodeRefused = z.infer<typeof NodeRefused>;

/** Body of every 4xx and 5xx answer that is no lease answer. */
export type ErrorAnswer = { error: string; problems?: string[] | undefined };

/** How long a lease lives, how soon a holder must have renewed it, and how often it tries (docs/faults.md 4.1: L > D > 1.2 R). */
export const LEASE_TTL_S = 15;
export const RENEW_DEADLINE_S = 10;
export const RENEW_EVERY_S = 2;
