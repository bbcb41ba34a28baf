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
} from "./lease-state.ts";
import { isDuplicate, noteNamesake, pruned, renewedOnceMore } from "./namesakes.ts";

/**
 * The rules of the head lease. Pure: (state, moment, event) → (state, answer). The first row that fits decides.
 *
 * | # | asks with | when | answer |
 * |---|---|---|---|
 * | 1 | any | its name is not in the whitelist that the service knows | `not-a-candidate` |
 * | 2 | any, or release | a later word (`seq`) of the holder's life came before it | `stale-epoch`, or nothing changes: nobody waits for the answer |
 * | 3 | epoch null | it is the holder (node and life): the answer to its grant was lost | the same epoch |
 * | 4 | epoch null | another life of its node holds, silent for `sameNameAfterMs` or ended | granted, epoch + 1 |
 * | 5 | epoch null | … and that life renewed twice since this one first asked (one may have been under way) | `duplicate-name` |
 * | 6 | epoch null | … otherwise | `same-name` |
 * | 7 | epoch null | another node holds and its lease runs | `held` |
 * | 8 | epoch null | another node held and its lease ended, served or not | granted, epoch + 1 |
 * | 9 | epoch null | no holder known, the service forgot less than one TTL ago (`sameNameAfterMs` where the asker serves a cluster), and a candidate was silent | `quiet-period` |
 * | 10 | epoch null | no holder known | granted, above every epoch granted or heard of |
 * | 11 | epoch e | it is the holder and e is its epoch, also after the lease ended | renewed |
 * | 12 | epoch e | e is above every epoch granted here and nobody spoke of a higher one: the service forgot | adopted; a holder of a lower epoch is displaced |
 * | 13 | epoch e | otherwise: a replay, a loser of a healed partition | `stale-epoch`, nothing changes |
 * | 14 | release of e | it is the holder and e is its epoch | released; the next asker gets row 10 |
 * | 15 | release of e | as in row 12 | released; e is remembered, the quiet period ends |
 * | 16 | release of e | otherwise | nothing changes |
 *
 * Whoever is granted or adopted ends the quiet period. Whether the old HEAD is out of reach is for the candidate to
 * see before it asks; the service sees only who renews.
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
      return release(state, event.release);
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
  const quietMs = hold === null && request.others === "silent" ? quietFor(asked, quietUntilMs) : 0;
  if (quietMs > 0) return refuse(state, "quiet-period", Math.min(quietMs, settings.askAgainMs));
  return install(state, Math.max(state.epoch, state.heard) + 1, asked, "grant");
}

/**
 * How long a holder whom the service forgot may still present itself. Who serves a cluster without an epoch may be the
 * living HEAD that the quiet is for, or lead beside it: then the one that was granted an epoch speaks within two renewals.
 */
function quietFor({ request, nowMs, settings }: Asked, quietUntilMs: number | null): number {
  if (quietUntilMs === null) return 0;
  const shorterMs = request.clusterId === null ? 0 : settings.ttlMs - settings.sameNameAfterMs;
  return quietUntilMs - shorterMs - nowMs;
}

/** Somebody else's lease runs: refused, unless the asker is the successor of a life that has fallen silent. */
function askWhileRunning(state: LeaseState, hold: Hold, { request, nowMs, settings }: Asked): Step | null {
  const wait = (untilMs: number) => Math.min(untilMs - nowMs, settings.askAgainMs);
  if (!sameName(hold.node, request.node)) return refuse(state, "held", wait(hold.endsAtMs));
  const silentAtMs = Math.min(hold.renewedAtMs + settings.sameNameAfterMs, hold.endsAtMs);
  if (nowMs >= silentAtMs) return null;
  const reason = isDuplicate(state.namesakes, request.life) ? "duplicate-name" : "same-name";
  return refuse(noteNamesake(state, nowMs, request), reason, wait(silentAtMs));
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
      epoch,
      heard: Math.max(epoch, state.heard),
      hold: holdOf(asked, epoch),
      namesakes: [],
      lastWord: wordOf(asked.request),
      quietUntilMs: null,
    },
    answer: { kind: "granted", how, epoch, namesake: null },
  };
}

function holdOf({ request, nowMs, settings }: Asked, epoch: number): Hold {
  const { node, life, address, clusterId } = request;
  return { node, life, address, clusterId, epoch, renewedAtMs: nowMs, endsAtMs: nowMs + settings.ttlMs };
}

const refuse = (state: LeaseState, reason: RefusalReason, retryAfterMs: number): Step => ({
  state,
  answer: { kind: "refused", reason, retryAfterMs },
});

function release(state: LeaseState, asked: LeaseRelease): Step {
  const { hold } = state;
  const lastWord = wordOf(asked);
  const released = (next: Partial<LeaseState>): Step => ({
    state: { ...state, ...next, lastWord },
    answer: { kind: "released", released: true },
  });
  if (hold !== null && isHolder(hold, asked) && hold.epoch === asked.epoch && !isOvertaken(state, asked))
    return released({ hold: null, namesakes: [] });
  if (hold === null && isForgotten(state, asked.epoch))
    return released({ epoch: asked.epoch, heard: asked.epoch, quietUntilMs: null });
  return { state, answer: { kind: "released", released: false } };
}

/** Hosts' names have no case. */
const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const isHolder = (hold: Hold, asker: { readonly node: string; readonly life: string }): boolean =>
  sameName(hold.node, asker.node) && hold.life === asker.life;

/**
 * What may be believed of an epoch that others name. Grants go on above it, so there must be room up to what the wire
 * carries: else one word would end all grants for good.
 */
const HIGHEST_BELIEVED = HIGHEST_EPOCH / 2;

const hear = (state: LeaseState, epoch: number): LeaseState =>
  epoch > state.heard && epoch <= HIGHEST_BELIEVED ? { ...state, heard: epoch } : state;

/** True for an epoch that can only stem from a time which this service forgot. */
const isForgotten = (state: LeaseState, epoch: number): boolean =>
  epoch > state.epoch && epoch >= state.heard && epoch <= HIGHEST_BELIEVED;

/** A connection that was given up may still deliver what was sent on it, seconds after what was said later. */
const isOvertaken = ({ lastWord }: LeaseState, { life, seq }: Word): boolean =>
  lastWord?.life === life && seq !== undefined && seq < lastWord.seq;

const wordOf = ({ life, seq }: Word): LeaseState["lastWord"] => (seq === undefined ? null : { life, seq });
