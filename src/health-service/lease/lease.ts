import { sameHost } from "../../common/address.ts";
import * as wire from "../../common/protocol/lease-protocol.ts";
import {
  ASK_AGAIN_MS,
  type Hold,
  holdIn,
  isBehind,
  type LeaseState,
  SAME_NAME_AFTER_MS,
  type SoleHolder,
} from "./lease-state.ts";

/*
 * The rules of the head lease. Pure: (state, request, time) → (state, answer). They keep what docs/lease.md says of any sequence
 * of requests ("What always holds").
 *
 * The first matching row decides.
 *
 * | # | asks with | when | answer |
 * |---|---|---|---|
 * | 0 | any | several services share a store that lacks an epoch which was seen | `old-store`, until somebody promotes it |
 * | 1 | any, or release | a later request (`seq`) of the holder's life came before it | `stale-epoch`, or nothing changes: the sender no longer waits for the answer |
 * | 2 | epoch null | it is the holder (node and life): the answer to its grant was lost | the same epoch |
 * | 3 | epoch null | another node holds and its lease runs | `held` |
 * | 4 | epoch null | another life of its node holds and runs, and the asker has not proven to succeed it (`after`); if it is lenient, it renewed less than `SAME_NAME_AFTER_MS` ago | `same-name` |
 * | 5 | epoch null | another one held | granted, epoch + 1 |
 * | 6 | epoch null | no holder known, the service lost its state less than one TTL ago, and a candidate was silent or the asker has seen a later epoch; or its shared store was promoted | `quiet-period` |
 * | 7 | epoch null | no holder known | granted, above every epoch granted or seen |
 * | 8 | epoch e | it is the holder and e is its epoch, also after the lease ended | renewed |
 * | 9 | epoch e | e is above every epoch granted here, and no higher one was seen: the service lost its state | adopted; a holder of a lower epoch is displaced |
 * | 10 | epoch e | otherwise: a replay, a loser of a healed partition | `stale-epoch`, nothing changes |
 * | 11 | release of e | it is the holder and e is its epoch | released; the next asker gets row 6 or 7. `returning`: it stays the holder of a lease that has ended, rows 2 to 5 |
 * | 12 | release of e | otherwise | e was seen, nothing else changes |
 *
 * Before, whitelist.ts turns away who is no candidate or gives a foreign address. The candidate checks that the old HEAD
 * cannot be reached before it asks; the service knows only which node renews.
 */

type How = "grant" | "recognition" | "renewal" | "adoption";
export type Step =
  | { readonly state: LeaseState & { readonly sole: SoleHolder }; readonly how: How; readonly epoch: number }
  | {
      readonly state: LeaseState;
      readonly reason: wire.LeaseRefused["reason"];
      readonly retryAfterMs: number;
    };

/** A node asks for the lease or renews it: rows 1 to 10. */
export function askLease(state: LeaseState, request: wire.LeaseRequest, nowMs: number, ttlMs: number): Step {
  const { epoch, seen = 0 } = request;
  if (state.isShared) {
    const told = seeEpoch(state, Math.max(seen, epoch ?? 0));
    if (isBehind(told)) return { state: told, reason: "old-store", retryAfterMs: ASK_AGAIN_MS };
  }
  const stale: Step = { state, reason: "stale-epoch", retryAfterMs: ASK_AGAIN_MS };
  if (isOvertaken(state, request)) return stale;
  if (epoch === null) return askAnew(seeEpoch(state, seen), request, nowMs, ttlMs);
  const hold = holdIn(state);
  if (hold?.epoch === epoch && isHolder(hold, request))
    return grant(state, request, nowMs, "renewal", epoch, hold.clusterId);
  // Such an epoch can only stem from a time which this service forgot.
  const isForgotten = epoch > state.epoch && epoch >= state.highestEpochSeen && epoch <= HIGHEST_BELIEVED;
  return isForgotten ? grant(state, request, nowMs, "adoption", epoch) : stale;
}

/** A node gives the lease back: rows 11 and 12. `last` is another one then if it held it under that epoch. */
export function releaseLease(
  state: LeaseState,
  asked: wire.LeaseRelease,
  nowMs: number,
  ttlMs: number,
): LeaseState {
  const hold = holdIn(state);
  const isItsOwn = hold?.epoch === asked.epoch && isHolder(hold, asked) && !isOvertaken(state, asked);
  if (!isItsOwn) return seeEpoch(state, asked.epoch);
  const end = asked.returning ? { returning: true, renewedAtMs: nowMs - ttlMs } : { releasedAtMs: nowMs };
  return { ...state, last: { ...hold, seq: asked.seq, ...end } };
}

/** Of epochs that others name. Grants go on above it up to what the wire carries: else one request would end them for good. */
const HIGHEST_BELIEVED = wire.HIGHEST_EPOCH / 2;

/** Grants begin anew above all that may have been granted after this store was copied; a living HEAD asks anew. */
export const promoteLease = (state: LeaseState): LeaseState => {
  const epoch = state.highestEpochSeen + EPOCHS_NOT_KNOWN;
  return isBehind(state) ? { ...state, epoch, highestEpochSeen: epoch, last: null, sole: null } : state;
};

/** More than were granted between what was seen last and now. */
const EPOCHS_NOT_KNOWN = 1000;

/** Somebody has seen this epoch: no grant will be as low. */
export const seeEpoch = (state: LeaseState, epoch: number): LeaseState =>
  epoch > state.highestEpochSeen && epoch <= HIGHEST_BELIEVED ? { ...state, highestEpochSeen: epoch } : state;

/** Rows 2 to 7. */
function askAnew(state: LeaseState, request: wire.LeaseRequest, nowMs: number, ttlMs: number): Step {
  const hold = holdIn(state);
  if (hold !== null && isHolder(hold, request))
    return grant(state, request, nowMs, "recognition", hold.epoch, hold.clusterId);
  const { reason, untilMs } = obstacleOf(state, request, ttlMs);
  if (nowMs < untilMs) return { state, reason, retryAfterMs: Math.min(untilMs - nowMs, ASK_AGAIN_MS) };
  return grant(state, request, nowMs, "grant", state.highestEpochSeen + 1);
}

/** What stands in the way of a grant, and until when: rows 3, 4 and 6. */
function obstacleOf(
  state: LeaseState,
  { node, others, seen = 0, after }: wire.LeaseRequest,
  ttlMs: number,
): { readonly reason: wire.LeaseRefused["reason"]; readonly untilMs: number } {
  const hold = holdIn(state);
  if (hold === null) {
    // Whoever has seen more worked under an epoch that this service forgot. What cannot be believed was not noted either.
    const hasSeenMore = Math.min(seen, state.highestEpochSeen) > state.epoch;
    const wasPromoted = state.isShared === true && state.epoch > 0;
    const inDoubt = others === "silent" || hasSeenMore || wasPromoted;
    return { reason: "quiet-period", untilMs: inDoubt ? state.graceUntilMs : Number.NEGATIVE_INFINITY };
  }
  const endsAtMs = hold.renewedAtMs + ttlMs;
  if (!sameHost(hold.node, node)) return { reason: "held", untilMs: endsAtMs };
  // Nobody is told a life, so whoever knows it has its state folder.
  if (hold.life === after) return { reason: "same-name", untilMs: Number.NEGATIVE_INFINITY };
  return { reason: "same-name", untilMs: hold.strict ? endsAtMs : hold.renewedAtMs + SAME_NAME_AFTER_MS };
}

/**
 * The asker holds the lease under this epoch. A cluster id once seen stays, until the next one is seen. It stays the sole holder,
 * unless this service forgot what was before the epoch: another node may have led then.
 */
function grant(
  state: LeaseState,
  { node, life, address, clusterId, strict = true, seq }: wire.LeaseRequest,
  nowMs: number,
  how: How,
  epoch: number,
  knownClusterId: string | null = null,
): Step {
  const hold = { node, life, address, clusterId: clusterId ?? knownClusterId, strict, epoch };
  const last = { ...hold, seq, renewedAtMs: nowMs };
  const highestEpochSeen = Math.max(state.highestEpochSeen, epoch);
  const { sole: before } = state;
  const isStill = how !== "adoption" && before !== null && sameHost(before.node, node);
  const sole = isStill ? before : { node, since: epoch };
  const known = { epoch: Math.max(state.epoch, epoch), highestEpochSeen };
  return { state: { ...state, ...known, last, sole }, how, epoch };
}

type Asker = Pick<wire.LeaseRelease, "node" | "life" | "seq">;

const isHolder = (hold: Hold, { node, life }: Asker): boolean =>
  sameHost(hold.node, node) && hold.life === life;

/** A connection that was given up may still deliver what was sent on it, seconds after what was sent later. */
const isOvertaken = ({ last }: LeaseState, { life, seq = Number.POSITIVE_INFINITY }: Asker): boolean =>
  last?.life === life && seq < (last.seq ?? 0);
