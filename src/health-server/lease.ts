import type { LeaseRefused, LeaseRelease, LeaseRequest } from "../common/lease-protocol.ts";
import { isDuplicate, type Namesake, noteNamesake, pruned, renewedOnceMore } from "./namesakes.ts";

/** The lease as its holder has it. Moments are milliseconds on the monotonic clock. */
export interface Hold {
  readonly node: string;
  readonly life: string;
  readonly address: string;
  readonly clusterId: string | null;
  readonly epoch: number;
  readonly renewedAtMs: number;
  readonly endsAtMs: number;
}

export interface LeaseState {
  /** The highest epoch that this service granted or adopted, kept on disk where there is one. */
  readonly epoch: number;
  /** The highest epoch that anybody spoke of. Only a service that forgot hears more than it knows. */
  readonly heard: number;
  /** The last holder, also after its lease ended; null when none is known or it released. */
  readonly hold: Hold | null;
  readonly namesakes: readonly Namesake[];
  /** A service that forgot grants to a candidate in doubt only after this moment; null: it knows enough. */
  readonly quietUntilMs: number | null;
}

export interface LeaseSettings {
  readonly ttlMs: number;
  /** How long a life must be silent before another life of the same node takes its place. */
  readonly sameNameAfterMs: number;
  /** The longest pause that a refused asker is told to make. */
  readonly askAgainMs: number;
  /** False for nodes outside the whitelist, where the service knows one. */
  readonly isCandidate: (node: string) => boolean;
}

export type LeaseEvent =
  | { readonly type: "ask"; readonly request: LeaseRequest }
  | { readonly type: "release"; readonly release: LeaseRelease }
  | { readonly type: "heard"; readonly epoch: number };

export type RefusalReason = Exclude<LeaseRefused["reason"], "storage">;

export type LeaseAnswer =
  | {
      readonly kind: "granted";
      readonly how: "grant" | "recognition" | "renewal" | "adoption";
      readonly epoch: number;
      readonly namesake: Namesake | null;
    }
  | { readonly kind: "refused"; readonly reason: RefusalReason; readonly retryAfterMs: number }
  | { readonly kind: "released"; readonly released: boolean }
  | { readonly kind: "noted" };

export interface Step {
  readonly state: LeaseState;
  readonly answer: LeaseAnswer;
}

/** What a service knows of the time before its start. */
export interface Memory {
  readonly epoch: number;
  readonly heard: number;
  readonly hold: Pick<Hold, "node" | "life" | "address" | "clusterId" | "epoch"> | null;
}

/**
 * The state at the start of the service. With memory, the holder's lease counts as running for one TTL: the monotonic
 * clock does not survive, so nobody knows how old it is. Without, `heard` may still hold what a damaged file told.
 */
export function startLease(
  memory: Memory | null,
  heard: number,
  nowMs: number,
  settings: LeaseSettings,
): LeaseState {
  if (memory === null)
    return { epoch: 0, heard, hold: null, namesakes: [], quietUntilMs: nowMs + settings.ttlMs };
  const hold = memory.hold && { ...memory.hold, renewedAtMs: nowMs, endsAtMs: nowMs + settings.ttlMs };
  return {
    epoch: memory.epoch,
    heard: Math.max(heard, memory.heard),
    hold,
    namesakes: [],
    quietUntilMs: null,
  };
}

/**
 * The rules of the head lease. Pure: (state, moment, event) → (state, answer). The first row that fits decides.
 *
 * | # | asks with | when | answer |
 * |---|---|---|---|
 * | 1 | any | its name is not in the whitelist that the service knows | `not-a-candidate` |
 * | 2 | epoch null | it is the holder (node and life): the answer to its grant was lost | the same epoch |
 * | 3 | epoch null | another life of its node holds, silent for `sameNameAfterMs` or ended | granted, epoch + 1 |
 * | 4 | epoch null | … and that life renewed twice since this one first asked (one may have been under way) | `duplicate-name` |
 * | 5 | epoch null | … otherwise | `same-name` |
 * | 6 | epoch null | another node holds and its lease runs | `held` |
 * | 7 | epoch null | another node held and its lease ended, served or not | granted, epoch + 1 |
 * | 8 | epoch null | no holder known, the service forgot less than one TTL ago, and a candidate was silent | `quiet-period` |
 * | 9 | epoch null | no holder known | granted, above every epoch granted or heard of |
 * | 10 | epoch e | it is the holder and e is its epoch, also after the lease ended | renewed |
 * | 11 | epoch e | e is above every epoch granted here and nobody spoke of a higher one: the service forgot | adopted; a holder of a lower epoch is displaced |
 * | 12 | epoch e | otherwise: a replay, a loser of a healed partition | `stale-epoch`, nothing changes |
 * | 13 | release of e | it is the holder and e is its epoch | released; the next asker gets row 9 |
 * | 14 | release of e | as in row 11 | released; e is remembered, the quiet period ends |
 * | 15 | release of e | otherwise | nothing changes |
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
      return ask(pruned(state, nowMs, settings.ttlMs), nowMs, event.request, settings);
    case "release":
      return release(state, event.release);
    case "heard":
      return { state: hear(state, event.epoch), answer: { kind: "noted" } };
  }
}

/** True while the lease runs. */
export const isRunning = (hold: Hold, nowMs: number): boolean => nowMs < hold.endsAtMs;

/** Hosts' names have no case. */
const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const isHolder = (hold: Hold, asker: { readonly node: string; readonly life: string }): boolean =>
  sameName(hold.node, asker.node) && hold.life === asker.life;

const hear = (state: LeaseState, epoch: number): LeaseState =>
  epoch > state.heard ? { ...state, heard: epoch } : state;

/** True for an epoch that can only stem from a time which this service forgot. */
const isForgotten = (state: LeaseState, epoch: number): boolean =>
  epoch > state.epoch && epoch >= state.heard;

function ask(state: LeaseState, nowMs: number, request: LeaseRequest, settings: LeaseSettings): Step {
  if (!settings.isCandidate(request.node)) return refuse(state, "not-a-candidate", settings.ttlMs);
  return request.epoch === null
    ? askAnew(hear(state, request.seen ?? 0), nowMs, request, settings)
    : renew(state, nowMs, request, request.epoch, settings);
}

function askAnew(state: LeaseState, nowMs: number, request: LeaseRequest, settings: LeaseSettings): Step {
  const { hold, quietUntilMs } = state;
  if (hold !== null && isHolder(hold, request))
    return confirm(state, hold, nowMs, request, "recognition", settings);
  if (hold !== null && isRunning(hold, nowMs)) {
    const refused = askRunning(state, hold, nowMs, request, settings);
    if (refused !== null) return refused;
  }
  if (hold === null && quietUntilMs !== null && nowMs < quietUntilMs && request.others === "silent")
    return refuse(state, "quiet-period", Math.min(quietUntilMs - nowMs, settings.askAgainMs));
  return install(state, Math.max(state.epoch, state.heard) + 1, nowMs, request, "grant", settings);
}

/** Somebody else's lease runs: refused, unless the asker is the successor of a life that has fallen silent. */
function askRunning(
  state: LeaseState,
  hold: Hold,
  nowMs: number,
  request: LeaseRequest,
  settings: LeaseSettings,
): Step | null {
  const wait = (untilMs: number) => Math.min(untilMs - nowMs, settings.askAgainMs);
  if (!sameName(hold.node, request.node)) return refuse(state, "held", wait(hold.endsAtMs));
  const silentAtMs = Math.min(hold.renewedAtMs + settings.sameNameAfterMs, hold.endsAtMs);
  if (nowMs >= silentAtMs) return null;
  const reason = isDuplicate(state.namesakes, request.life) ? "duplicate-name" : "same-name";
  return refuse(noteNamesake(state, nowMs, request), reason, wait(silentAtMs));
}

function renew(
  state: LeaseState,
  nowMs: number,
  request: LeaseRequest,
  epoch: number,
  settings: LeaseSettings,
): Step {
  const { hold } = state;
  if (hold !== null && isHolder(hold, request) && epoch === hold.epoch)
    return confirm(renewedOnceMore(state), hold, nowMs, request, "renewal", settings);
  if (isForgotten(state, epoch)) return install(state, epoch, nowMs, request, "adoption", settings);
  return refuse(state, "stale-epoch", settings.askAgainMs);
}

type How = Extract<LeaseAnswer, { kind: "granted" }>["how"];

/** The same holder goes on under its epoch. A cluster id once seen stays, until the next one is seen. */
function confirm(
  state: LeaseState,
  hold: Hold,
  nowMs: number,
  request: LeaseRequest,
  how: How,
  settings: LeaseSettings,
): Step {
  const next = holdOf(request, hold.epoch, nowMs, settings);
  return {
    state: { ...state, hold: { ...next, clusterId: next.clusterId ?? hold.clusterId } },
    answer: { kind: "granted", how, epoch: hold.epoch, namesake: state.namesakes.at(-1) ?? null },
  };
}

function install(
  state: LeaseState,
  epoch: number,
  nowMs: number,
  request: LeaseRequest,
  how: How,
  settings: LeaseSettings,
): Step {
  return {
    state: {
      epoch,
      heard: Math.max(epoch, state.heard),
      hold: holdOf(request, epoch, nowMs, settings),
      namesakes: [],
      quietUntilMs: null,
    },
    answer: { kind: "granted", how, epoch, namesake: null },
  };
}

function holdOf(request: LeaseRequest, epoch: number, nowMs: number, settings: LeaseSettings): Hold {
  const { node, life, address, clusterId } = request;
  return { node, life, address, clusterId, epoch, renewedAtMs: nowMs, endsAtMs: nowMs + settings.ttlMs };
}

const refuse = (state: LeaseState, reason: RefusalReason, retryAfterMs: number): Step => ({
  state,
  answer: { kind: "refused", reason, retryAfterMs },
});

function release(state: LeaseState, asked: LeaseRelease): Step {
  const answer: LeaseAnswer = { kind: "released", released: true };
  const { hold } = state;
  if (hold !== null && isHolder(hold, asked) && hold.epoch === asked.epoch)
    return { state: { ...state, hold: null, namesakes: [] }, answer };
  if (hold === null && isForgotten(state, asked.epoch))
    return { state: { ...state, epoch: asked.epoch, heard: asked.epoch, quietUntilMs: null }, answer };
  return { state, answer: { kind: "released", released: false } };
}
