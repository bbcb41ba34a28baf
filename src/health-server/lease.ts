import type { LeaseRelease, LeaseRequest } from "../common/lease-protocol.ts";
import { HIGHEST_EPOCH } from "../common/lease-protocol.ts";
import { unreachable } from "../common/result.ts";
import {
  type GrantedHow,
  type Hold,
  isRunning,
  type LeaseEvent,
  type LeaseSettings,
  type LeaseState,
  type RefusalReason,
  type Step,
  sameName,
} from "./lease-state.ts";
import { isDuplicate, noteNamesake, pruned, renewedOnceMore } from "./namesakes.ts";

/**
 * The rules of the head lease. Pure: (state, time, event) → (state, answer). These invariants hold for any sequence
 * of requests:
 *
 * - I1: each epoch is granted to one life only, and each grant is above every epoch granted or heard of before.
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
 * | 5 | epoch null | another life of its node holds, runs and renewed twice since this one first asked (one may have been under way) | `duplicate-name` |
 * | 6 | epoch null | another life of its node holds and runs; if it is lenient, it spoke less than `sameNameAfterMs` ago | `same-name` |
 * | 7 | epoch null | another one held | granted, epoch + 1 |
 * | 8 | epoch null | no holder known, the service lost its state less than one TTL ago, and a candidate was silent or the asker has seen a later epoch | `quiet-period` |
 * | 9 | epoch null | no holder known | granted, above every epoch granted or heard of |
 * | 10 | epoch e | it is the holder and e is its epoch, also after the lease ended | renewed |
 * | 11 | epoch e | e is above every epoch granted here, and no higher one was heard of: the service lost its state | adopted; a holder of a lower epoch is displaced |
 * | 12 | epoch e | otherwise: a replay, a loser of a healed partition | `stale-epoch`, nothing changes |
 * | 13 | release of e | it is the holder and e is its epoch | released; the next asker gets row 8 or 9 |
 * | 14 | release of e | otherwise | e was heard of, nothing else changes |
 *
 * The candidate checks that the old HEAD cannot be reached before it asks; the service knows only which node renews.
 */
export function stepLease(
  state: LeaseState,
  nowMs: number,
  event: LeaseEvent,
  settings: LeaseSettings,
): Step {
  switch (event.type) {
    case "ask":
      return ask(pruned(state, nowMs, settings.ttlMs), { request: event.request, nowMs, settings });
    case "release":
      return release(state, event.release, nowMs);
    case "heard":
      return { state: hear(state, event.epoch), answer: { kind: "noted" } };
    default:
      return unreachable(event);
  }
}

/** A request, the moment at which it is decided, and what the rules are set to. */
interface Asked {
  readonly request: LeaseRequest;
  readonly nowMs: number;
  readonly settings: LeaseSettings;
}

interface Word {
  readonly life: string;
  readonly seq?: number | undefined;
}

function ask(state: LeaseState, asked: Asked): Step {
  const { request, settings } = asked;
  if (!settings.isCandidate(request.node)) return refuse(state, "not-a-candidate", settings.ttlMs);
  if (isOvertaken(state, request)) return refuse(state, "stale-epoch", settings.askAgainMs);
  return request.epoch === null
    ? askAnew(hear(state, request.seen ?? 0), asked)
    : renew(state, asked, request.epoch);
}

function askAnew(state: LeaseState, asked: Asked): Step {
  const { hold, quietUntilMs } = state;
  const { request, nowMs, settings } = asked;
  if (hold !== null && isHolder(hold, request)) return confirm(state, hold, asked, "recognition");
  if (hold !== null && isRunning(hold, nowMs)) {
    const refused = askWhileRunning(state, hold, asked);
    if (refused !== null) return refused;
  }
  const inDoubt = request.others === "silent" || hasSeenMore(state, request);
  const quietMs = hold === null && inDoubt ? quietUntilMs - nowMs : 0;
  if (quietMs > 0) return refuse(state, "quiet-period", Math.min(quietMs, settings.askAgainMs));
  return install(state, Math.max(state.epoch, state.heard) + 1, asked, "grant");
}

/** Somebody else's lease runs: refused, unless the asker is the successor of a life that has fallen silent. */
function askWhileRunning(state: LeaseState, hold: Hold, { request, nowMs, settings }: Asked): Step | null {
  const wait = (untilMs: number) => Math.min(untilMs - nowMs, settings.askAgainMs);
  if (!sameName(hold.node, request.node)) return refuse(state, "held", wait(hold.endsAtMs));
  const freeAtMs = hold.strict
    ? hold.endsAtMs
    : Math.min(hold.renewedAtMs + settings.sameNameAfterMs, hold.endsAtMs);
  if (nowMs >= freeAtMs) return null;
  const reason = isDuplicate(state.namesakes, request.life) ? "duplicate-name" : "same-name";
  return refuse(noteNamesake(state, nowMs, request), reason, wait(freeAtMs));
}

function renew(state: LeaseState, asked: Asked, epoch: number): Step {
  const { hold } = state;
  if (hold !== null && isHolder(hold, asked.request) && epoch === hold.epoch)
    return confirm(renewedOnceMore(state), hold, asked, "renewal");
  if (isForgotten(state, epoch)) return install(state, epoch, asked, "adoption");
  return refuse(state, "stale-epoch", asked.settings.askAgainMs);
}

/** The same holder goes on under its epoch. A cluster id once seen stays, until the next one is seen. */
function confirm(state: LeaseState, hold: Hold, asked: Asked, how: GrantedHow): Step {
  const next = holdOf(asked, hold.epoch);
  return {
    state: {
      ...state,
      hold: { ...next, clusterId: next.clusterId ?? hold.clusterId },
      lastWord: wordOf(asked.request),
    },
    answer: { kind: "granted", how, epoch: hold.epoch, namesake: state.namesakes.at(-1) ?? null },
  };
}

/** A new holder, and all that was known of the one before is over. */
function install(state: LeaseState, epoch: number, asked: Asked, how: GrantedHow): Step {
  return {
    state: {
      ...state,
      epoch,
      heard: Math.max(epoch, state.heard),
      hold: holdOf(asked, epoch),
      lastRelease: null,
      namesakes: [],
      lastWord: wordOf(asked.request),
    },
    answer: { kind: "granted", how, epoch, namesake: null },
  };
}

function holdOf({ request, nowMs, settings }: Asked, epoch: number): Hold {
  const { node, life, address, clusterId } = request;
  // An entrypoint that does not say may be strict.
  const strict = request.strict ?? true;
  const endsAtMs = nowMs + settings.ttlMs;
  return { node, life, address, clusterId, strict, epoch, renewedAtMs: nowMs, endsAtMs };
}

const refuse = (state: LeaseState, reason: RefusalReason, retryAfterMs: number): Step => ({
  state,
  answer: { kind: "refused", reason, retryAfterMs },
});

function release(state: LeaseState, asked: LeaseRelease, nowMs: number): Step {
  const { hold } = state;
  const isItsOwn = hold !== null && isHolder(hold, asked) && hold.epoch === asked.epoch;
  if (!isItsOwn || isOvertaken(state, asked))
    return { state: hear(state, asked.epoch), answer: { kind: "released", released: false } };
  const lastRelease = { node: hold.node, address: hold.address, atMs: nowMs };
  return {
    state: { ...state, hold: null, lastRelease, namesakes: [], lastWord: wordOf(asked) },
    answer: { kind: "released", released: true },
  };
}

const isHolder = (hold: Hold, asker: { readonly node: string; readonly life: string }): boolean =>
  sameName(hold.node, asker.node) && hold.life === asker.life;

/**
 * What may be believed of an epoch that others name. Grants go on above it, so there must be room up to what the wire
 * carries: else one word would end all grants for good.
 */
const HIGHEST_BELIEVED = HIGHEST_EPOCH / 2;

const hear = (state: LeaseState, epoch: number): LeaseState =>
  epoch > state.heard && epoch <= HIGHEST_BELIEVED ? { ...state, heard: epoch } : state;

/** True where the asker worked under an epoch that this service forgot. What cannot be believed was not heard either. */
const hasSeenMore = ({ epoch, heard }: LeaseState, { seen = 0 }: LeaseRequest): boolean =>
  Math.min(seen, heard) > epoch;

/** True for an epoch that can only stem from a time which this service forgot. */
const isForgotten = (state: LeaseState, epoch: number): boolean =>
  epoch > state.epoch && epoch >= state.heard && epoch <= HIGHEST_BELIEVED;

/** A connection that was given up may still deliver what was sent on it, seconds after what was said later. */
const isOvertaken = ({ lastWord }: LeaseState, { life, seq }: Word): boolean =>
  lastWord?.life === life && seq !== undefined && seq < lastWord.seq;

const wordOf = ({ life, seq }: Word): LeaseState["lastWord"] => (seq === undefined ? null : { life, seq });
