import { HIGHEST_EPOCH, type LeaseRelease, type LeaseRequest } from "../../common/protocol/lease-protocol.ts";
import {
  ASK_AGAIN_MS,
  type Granted,
  type Hold,
  type LeaseSettings,
  type LeaseState,
  type Refused,
  SAME_NAME_AFTER_MS,
  sameName,
} from "./lease-state.ts";

/*
 * The rules of the head lease. Pure: (state, request, time) → (state, answer). These invariants hold for any sequence
 * of requests:
 *
 * - I1: each epoch is granted to one life only, and each grant is above every epoch granted or seen before.
 * - I2: while a lease runs, no other node is granted one. A strict holder ends its Ray before its lease ends, so two
 *   never write to one store. A holder that is known to be lenient may be succeeded sooner by the next life of its
 *   own node.
 * - I3: a service that lost its state grants no lease before one TTL has passed, in which a holder would renew, to a
 *   candidate that had a silent peer or has seen a later epoch than this service granted.
 *
 * The first matching row decides.
 *
 * | # | asks with | when | answer |
 * |---|---|---|---|
 * | 1 | any | its name is not in the whitelist that the service knows | `not-a-candidate` |
 * | 2 | any, or release | a later request (`seq`) of the holder's life came before it | `stale-epoch`, or nothing changes: the sender no longer waits for the answer |
 * | 3 | epoch null | it is the holder (node and life): the answer to its grant was lost | the same epoch |
 * | 4 | epoch null | another node holds and its lease runs | `held` |
 * | 5 | epoch null | another life of its node holds and runs; if it is lenient, it renewed less than `SAME_NAME_AFTER_MS` ago | `same-name` |
 * | 6 | epoch null | another one held | granted, epoch + 1 |
 * | 7 | epoch null | no holder known, the service lost its state less than one TTL ago, and a candidate was silent or the asker has seen a later epoch | `quiet-period` |
 * | 8 | epoch null | no holder known | granted, above every epoch granted or seen |
 * | 9 | epoch e | it is the holder and e is its epoch, also after the lease ended | renewed |
 * | 10 | epoch e | e is above every epoch granted here, and no higher one was seen: the service lost its state | adopted; a holder of a lower epoch is displaced |
 * | 11 | epoch e | otherwise: a replay, a loser of a healed partition | `stale-epoch`, nothing changes |
 * | 12 | release of e | it is the holder and e is its epoch | released; the next asker gets row 7 or 8 |
 * | 13 | release of e | otherwise | e was seen, nothing else changes |
 *
 * The candidate checks that the old HEAD cannot be reached before it asks; the service knows only which node renews.
 */

/** What a request came to, and the state after it. */
export interface Step {
  readonly state: LeaseState;
  readonly answer: Granted | Refused;
}

/** A request, the moment at which it is decided, and what the rules are set to. */
interface Asked {
  readonly request: LeaseRequest;
  readonly nowMs: number;
  readonly settings: LeaseSettings;
}

/** A node asks for the lease or renews it: rows 1 to 11. */
export function askLease(
  state: LeaseState,
  request: LeaseRequest,
  nowMs: number,
  settings: LeaseSettings,
): Step {
  if (!settings.isCandidate(request.node)) return refuse(state, "not-a-candidate", settings.ttlMs);
  if (isOvertaken(state, request)) return refuse(state, "stale-epoch", ASK_AGAIN_MS);
  const asked = { request, nowMs, settings };
  return request.epoch === null
    ? askAnew(seeEpoch(state, request.seen ?? 0), asked)
    : renew(state, asked, request.epoch);
}

/** A node gives the lease back: rows 12 and 13. `released` is false where it did not hold it under that epoch. */
export function releaseLease(
  state: LeaseState,
  asked: LeaseRelease,
  nowMs: number,
): { readonly state: LeaseState; readonly released: boolean } {
  const { hold } = state;
  const isItsOwn = hold !== null && isHolder(hold, asked) && hold.epoch === asked.epoch;
  if (!isItsOwn || isOvertaken(state, asked)) return { state: seeEpoch(state, asked.epoch), released: false };
  const lastRelease = { node: hold.node, address: hold.address, atMs: nowMs };
  return { state: { ...state, hold: null, lastRelease, lastRequest: lastOf(asked) }, released: true };
}

/**
 * What may be believed of an epoch that others name. Grants go on above it, so there must be room up to what the wire
 * carries: else one request would end all grants for good.
 */
const HIGHEST_BELIEVED = HIGHEST_EPOCH / 2;

/** Somebody has seen this epoch: no grant will be as low. */
export const seeEpoch = (state: LeaseState, epoch: number): LeaseState =>
  epoch > state.highestEpochSeen && epoch <= HIGHEST_BELIEVED ? { ...state, highestEpochSeen: epoch } : state;

function askAnew(state: LeaseState, asked: Asked): Step {
  const { hold, graceUntilMs } = state;
  const { request, nowMs } = asked;
  if (hold !== null && isHolder(hold, request)) return confirm(state, hold, asked, "recognition");
  const wait = (untilMs: number) => Math.min(untilMs - nowMs, ASK_AGAIN_MS);
  const isNextLife = hold !== null && sameName(hold.node, request.node);
  const freeAtMs = hold === null ? nowMs : isNextLife ? freeForNextLife(hold) : hold.endsAtMs;
  if (nowMs < freeAtMs) return refuse(state, isNextLife ? "same-name" : "held", wait(freeAtMs));
  const inDoubt = request.others === "silent" || hasSeenMore(state, request);
  if (hold === null && inDoubt && nowMs < graceUntilMs)
    return refuse(state, "quiet-period", wait(graceUntilMs));
  return install(state, state.highestEpochSeen + 1, asked, "grant");
}

/** When another life of the holder's own node may have the lease: of a lenient holder, once it has fallen silent. */
const freeForNextLife = ({ strict, renewedAtMs, endsAtMs }: Hold): number =>
  strict ? endsAtMs : Math.min(renewedAtMs + SAME_NAME_AFTER_MS, endsAtMs);

/** True where the asker worked under an epoch that this service forgot. What cannot be believed was not noted either. */
const hasSeenMore = ({ epoch, highestEpochSeen }: LeaseState, { seen = 0 }: LeaseRequest): boolean =>
  Math.min(seen, highestEpochSeen) > epoch;

function renew(state: LeaseState, asked: Asked, epoch: number): Step {
  const { hold } = state;
  if (hold !== null && isHolder(hold, asked.request) && epoch === hold.epoch)
    return confirm(state, hold, asked, "renewal");
  if (isForgotten(state, epoch)) return install(state, epoch, asked, "adoption");
  return refuse(state, "stale-epoch", ASK_AGAIN_MS);
}

/** True for an epoch that can only stem from a time which this service forgot. */
const isForgotten = (state: LeaseState, epoch: number): boolean =>
  epoch > state.epoch && epoch >= state.highestEpochSeen && epoch <= HIGHEST_BELIEVED;

/** The same holder goes on under its epoch. A cluster id once seen stays, until the next one is seen. */
function confirm(state: LeaseState, hold: Hold, asked: Asked, how: Granted["how"]): Step {
  const next = holdOf(asked, hold.epoch);
  const clusterId = next.clusterId ?? hold.clusterId;
  return {
    state: { ...state, hold: { ...next, clusterId }, lastRequest: lastOf(asked.request) },
    answer: { kind: "granted", how, epoch: hold.epoch },
  };
}

/** A new holder, and all that was known of the one before is over. */
function install(state: LeaseState, epoch: number, asked: Asked, how: Granted["how"]): Step {
  const hold = holdOf(asked, epoch);
  const lastRequest = lastOf(asked.request);
  return {
    state: { ...state, epoch, highestEpochSeen: epoch, hold, lastRelease: null, lastRequest },
    answer: { kind: "granted", how, epoch },
  };
}

function holdOf({ request, nowMs, settings }: Asked, epoch: number): Hold {
  const { node, life, address, clusterId } = request;
  // An entrypoint that does not say may be strict.
  const strict = request.strict ?? true;
  const endsAtMs = nowMs + settings.ttlMs;
  return { node, life, address, clusterId, strict, epoch, renewedAtMs: nowMs, endsAtMs };
}

const refuse = (state: LeaseState, reason: Refused["reason"], retryAfterMs: number): Step => ({
  state,
  answer: { kind: "refused", reason, retryAfterMs },
});

const isHolder = (hold: Hold, asker: { readonly node: string; readonly life: string }): boolean =>
  sameName(hold.node, asker.node) && hold.life === asker.life;

type Numbered = Pick<LeaseRelease, "life" | "seq">;

/** A connection that was given up may still deliver what was sent on it, seconds after what was sent later. */
const isOvertaken = ({ lastRequest }: LeaseState, { life, seq }: Numbered): boolean =>
  lastRequest?.life === life && seq !== undefined && seq < lastRequest.seq;

const lastOf = ({ life, seq }: Numbered): LeaseState["lastRequest"] =>
  seq === undefined ? null : { life, seq };
