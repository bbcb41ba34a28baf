import * as z from "zod/mini";
import * as wire from "../../common/protocol/lease-protocol.ts";
import type { ClusterView } from "../../common/protocol/report-protocol.ts";

/** What is kept of a holder across restarts. */
export const KeptHold = z.extend(
  z.pick(wire.LeaseRequest, { node: true, life: true, address: true, clusterId: true }),
  // It ends its Ray before its lease ends. False only if the holder has said that it does not.
  { strict: z._default(z.boolean(), true), epoch: wire.Epoch, returning: wire.LeaseRelease.shape.returning },
);

/** The only node that has held the lease since this epoch, as far as this service knows. */
export const SoleHolder = z.object({ node: wire.LeaseRequest.shape.node, since: wire.Epoch });
export type SoleHolder = z.infer<typeof SoleHolder>;

/** Moments are milliseconds on the monotonic clock. */
export interface Hold extends Readonly<z.infer<typeof KeptHold>> {
  readonly renewedAtMs: number;
  /** Of its latest request, where it numbers them. */
  readonly seq?: number | undefined;
  readonly releasedAtMs?: number;
}

export interface LeaseState {
  /** The highest epoch that this service granted or adopted, kept on disk where there is one. */
  readonly epoch: number;
  /** The highest epoch that anybody has named: above `epoch` only in a service that forgot. */
  readonly highestEpochSeen: number;
  /** Who was granted the lease last, also after it ended or was released; null when that is not known. */
  readonly last: Hold | null;
  /** Of the last holder, kept on disk also after a release; null when that is not known. */
  readonly sole: SoleHolder | null;
  /** Until then a candidate in doubt is granted nothing: a service that lost its state may have a holder. */
  readonly graceUntilMs: number;
  /** Several services keep it in one store, which forgets nothing: one that lacks an epoch that was seen is an old copy. */
  readonly isShared?: boolean;
}

/** The store of several services lacks an epoch that somebody has seen. */
export const isBehind = ({ isShared = false, epoch, highestEpochSeen }: LeaseState): boolean =>
  isShared && highestEpochSeen > epoch;

export interface Memory extends Pick<LeaseState, "epoch" | "highestEpochSeen"> {
  readonly hold: z.infer<typeof KeptHold> | null;
  /** Not given: as long as `hold`. */
  readonly sole?: SoleHolder | null | undefined;
}

/** What a service knows of the time before its start. A damaged file may still tell an epoch. */
export type Recalled =
  | { readonly kind: "none" }
  | ({ readonly kind: "kept" } & Memory)
  | { readonly kind: "damaged"; readonly epoch: number; readonly detail: string };

/** So long silent, a life loses its name, and its lease where it was lenient, to the next one: two renewals and a second. */
export const SAME_NAME_AFTER_MS = 2 * wire.RENEW_EVERY_S * 1000 + 1000;
/** The longest pause that a refused asker is told to make. */
export const ASK_AGAIN_MS = wire.RENEW_EVERY_S * 1000;

/** The state at the start. A holder in its memory that did not stop has one TTL: nobody knows how old its lease is. */
export function startLease(recalled: Recalled, nowMs: number, ttlMs: number): LeaseState {
  if (recalled.kind !== "kept") {
    const highestEpochSeen = recalled.kind === "damaged" ? recalled.epoch : 0;
    return { epoch: 0, highestEpochSeen, last: null, sole: null, graceUntilMs: nowMs + ttlMs };
  }
  const { epoch, hold, sole = hold && { node: hold.node, since: hold.epoch } } = recalled;
  const highestEpochSeen = Math.max(epoch, recalled.highestEpochSeen);
  const last = hold && { ...hold, renewedAtMs: hold.returning ? nowMs - ttlMs : nowMs };
  return { epoch, highestEpochSeen, last, sole, graceUntilMs: nowMs };
}

/** Who holds the lease, also after it ended; null when none is known or it was released. */
export const holdIn = ({ last }: LeaseState): Hold | null => (last?.releasedAtMs === undefined ? last : null);

/** What is kept for the next run. */
export function memoryOf(state: LeaseState): Memory {
  const { epoch, highestEpochSeen, sole } = state;
  const hold = holdIn(state);
  return { epoch, highestEpochSeen, hold: hold && z.parse(KeptHold, hold), sole };
}

type View = Pick<ClusterView, "epoch" | "holder" | "released" | "releasedBy">;

/** The lease as others are told of it. */
export function viewOf(state: LeaseState, nowMs: number, ttlMs: number): View {
  const { highestEpochSeen: epoch, last } = state;
  // What several services share tells a release from a promotion, after which nobody knows who led.
  if (last === null) return { epoch, holder: null, released: state.epoch > 0 && !state.isShared };
  const { node, address, clusterId, returning, releasedAtMs } = last;
  if (releasedAtMs !== undefined) {
    const releasedBy = { node, address, ago: (nowMs - releasedAtMs) / 1000 };
    return { epoch, holder: null, released: true, releasedBy };
  }
  const leftS = (last.renewedAtMs + ttlMs - nowMs) / 1000;
  const runs = leftS > 0 ? { expiresIn: leftS } : { expiresIn: 0, endedFor: -leftS };
  const holder = { node, address, clusterId, epoch: last.epoch, returning, ...runs };
  return { epoch, holder, released: false };
}

/** Why the lease was refused, in one sentence for the asker's log. */
export function explainRefusal(
  reason: wire.LeaseRefused["reason"],
  { node, address }: wire.LeaseRequest,
  holding: wire.Holder | null,
  epoch: number,
): string {
  const holder =
    holding === null ? "nobody" : `${holding.node} at ${holding.address}, epoch ${holding.epoch}`;
  return {
    held: `the head lease is held by ${holder}`,
    "same-name": `an earlier run of ${node} holds the head lease (${holder}); it must fall silent first`,
    "duplicate-name": `two living nodes are named ${node}: ${holder} goes on renewing the head lease`,
    "quiet-period":
      "this health service has just started without memory; it waits for a living HEAD to present itself",
    "stale-epoch": `this epoch is over: the current one is ${epoch}, held by ${holder}`,
    "not-a-candidate": `${node} is no candidate for the health service: its HEAD_WHITELIST does not name it, and it did not join as one`,
    "foreign-address": `expected an address of ${node}, got ${address}: the health service's HEAD_WHITELIST does not list it for ${node}, and the request does not come from it; set the same HEAD_WHITELIST on the service and on the nodes, with name=host:port where needed`,
    storage: "the health service cannot keep its state on disk, so it grants nothing",
    "old-store": `epoch ${epoch} was seen, and the store of the health services knows no such epoch: it is an old copy, or empty; restore the newest one, or, if no HEAD of a later epoch can run any more, say so: POST /v1/promote`,
  }[reason];
}
