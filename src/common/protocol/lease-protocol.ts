import * as z from "zod/mini";
import { Count, Name, Text, Word } from "./from-outside.ts";

/*
 * The wire format between entrypoints and the health service, in seconds. `life` names one run of an entrypoint, `instance` one
 * of the health service. Whoever knows a node's `life` can send requests in its name, so no answer contains one.
 */

/** One change of holder each second would take 30,000 years: a higher epoch was made up. */
export const HIGHEST_EPOCH = 1e12;
export const Epoch = Count.check(z.maximum(HIGHEST_EPOCH));
/** Grows with each request about the lease in a life, so that one that arrives late changes nothing. */
const Sequence = z.optional(Count.check(z.maximum(1e9)));

/** Body of `PUT /v1/head`: ask for the lease (`epoch` null) or renew the one held under `epoch`. */
export const LeaseRequest = z.object({
  node: Name,
  life: Name,
  /** Of its GCS: host:port. */
  address: Word,
  /** Hex; null until the GCS of this node was seen serving. */
  clusterId: z.nullable(Word),
  epoch: z.nullable(Epoch),
  /** "silent": at least one other candidate gave no answer. */
  others: z.enum(["answered", "silent"]),
  /** Strict fencing: this node ends its Ray before its lease ends. Assumed when it is not given. */
  strict: z.optional(z.boolean()),
  /** The highest epoch that this node has seen anywhere: a service that forgot grants above it. */
  seen: z.optional(Count),
  /** The `life` that the asker is proven to succeed: it has its state folder, and no Ray of that folder is alive. */
  after: z.optional(Name),
  seq: Sequence,
});
export type LeaseRequest = z.infer<typeof LeaseRequest>;

/** Who holds the lease, in answers and in `GET /v1/cluster`. */
export const Holder = z.object({
  node: Name,
  address: Word,
  clusterId: z.nullable(Word),
  epoch: Epoch,
  /** Seconds until the lease ends if it is not renewed; 0 when it has ended, and for how long. */
  expiresIn: z.number(),
  endedFor: z.optional(z.number()),
  /** It stopped cleanly, has the state of its cluster, and may come back. */
  returning: z.optional(z.boolean()),
});
export type Holder = z.infer<typeof Holder>;

/** 200 of `PUT /v1/head`. */
export const LeaseGranted = z.object({
  granted: z.literal(true),
  epoch: Epoch,
  /** Since this epoch no other node has held the lease, as far as the service knows; an earlier service says nothing. */
  soleSince: z.optional(Epoch),
  ttl: z.number(),
  instance: Name,
});
export type LeaseGranted = z.infer<typeof LeaseGranted>;

/** `explainRefusal` of the health service says what each means. */
export const REFUSAL_REASONS = [
  "held",
  "same-name",
  "duplicate-name",
  "quiet-period",
  "stale-epoch",
  "not-a-candidate",
  "foreign-address",
  "storage",
  "old-store",
] as const;

/** 409 of `PUT /v1/head`. */
export const LeaseRefused = z.object({
  granted: z.literal(false),
  reason: z.enum(REFUSAL_REASONS),
  message: Text,
  holder: z.nullable(Holder),
  /** The highest one ever granted. */
  epoch: Epoch,
  retryAfter: z.number(),
  instance: Name,
});
export type LeaseRefused = z.infer<typeof LeaseRefused>;

/**
 * Body of `DELETE /v1/head`. A release by anyone but the holder changes nothing. `returning`: the node has the state of its cluster,
 * so the lease ends, but other candidates wait for it as for a HEAD that was lost.
 */
export const LeaseRelease = z.object({
  ...{ node: Name, life: Name, epoch: Epoch, seq: Sequence },
  returning: Holder.shape.returning,
});
export type LeaseRelease = z.infer<typeof LeaseRelease>;

/** 200 of `DELETE /v1/head`; `released` is false when the asker was not the holder. */
export type LeaseReleased = { released: boolean; epoch: number; instance: string };

/** Body of every 4xx and 5xx answer that is no lease answer. */
export type ErrorAnswer = { error: string; problems?: string[] | undefined };

/** How long a lease lasts, how soon a holder must have renewed it, and how often it tries (docs/faults.md 4.1: L > D > 1.2 R). */
export const LEASE_TTL_S = 15;
export const RENEW_DEADLINE_S = 10;
export const RENEW_EVERY_S = 2;
/** The shortest lease under which a holder knows, at its deadline, that nobody else holds it yet (docs/faults.md 4.1). */
export const MIN_TTL_S = 1.2 * RENEW_DEADLINE_S;
