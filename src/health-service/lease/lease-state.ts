import {
  type ClusterView,
  type Holder,
  type LeaseRefused,
  RENEW_EVERY_S,
} from "../../common/protocol/lease-protocol.ts";

/** The lease as its holder has it. Moments are milliseconds on the monotonic clock. */
export interface Hold {
  readonly node: string;
  readonly life: string;
  readonly address: string;
  readonly clusterId: string | null;
  /** It ends its Ray before its lease ends. False only if the holder has said that it does not. */
  readonly strict: boolean;
  readonly epoch: number;
  readonly renewedAtMs: number;
  readonly endsAtMs: number;
}

export interface LeaseState {
  /** The highest epoch that this service granted or adopted, kept on disk where there is one. */
  readonly epoch: number;
  /** The highest epoch that anybody has named, at least `epoch`. It is above it only in a service that forgot. */
  readonly highestEpochSeen: number;
  /** The last holder, also after its lease ended; null when none is known or it released. */
  readonly hold: Hold | null;
  /** Which node released the lease last, and when; null after a later grant and after a restart. */
  readonly lastRelease: { readonly node: string; readonly address: string; readonly atMs: number } | null;
  /** The latest request of the last holder, also after its release. */
  readonly lastRequest: { readonly life: string; readonly seq: number } | null;
  /**
   * A candidate that had a silent peer is granted nothing before this time: a service that lost its state may have a
   * holder.
   */
  readonly graceUntilMs: number;
}

/**
 * How long a life must be silent before the next one of the same node takes its name, and its lease where it was
 * lenient: it has missed two renewals then, with a second for the network.
 */
export const SAME_NAME_AFTER_MS = 2 * RENEW_EVERY_S * 1000 + 1000;
/** The longest pause that a refused asker is told to make. */
export const ASK_AGAIN_MS = RENEW_EVERY_S * 1000;

export interface LeaseSettings {
  readonly ttlMs: number;
  /** False for nodes outside the whitelist, where the service knows one. */
  readonly isCandidate: (node: string) => boolean;
}

export interface Granted {
  readonly kind: "granted";
  readonly how: "grant" | "recognition" | "renewal" | "adoption";
  readonly epoch: number;
}

export interface Refused {
  readonly kind: "refused";
  readonly reason: Exclude<LeaseRefused["reason"], "storage" | "foreign-address" | "duplicate-name">;
  readonly retryAfterMs: number;
}

/** What a service knows of the time before its start. */
export type Memory = Pick<LeaseState, "epoch" | "highestEpochSeen"> & {
  readonly hold: Omit<Hold, "renewedAtMs" | "endsAtMs"> | null;
};

/**
 * The state at the start of the service. With memory, the holder's lease counts as running for one TTL: the monotonic
 * clock does not survive, so nobody knows how old it is. Without, `epochSeen` may be what a damaged file told.
 */
export function startLease(
  memory: Memory | null,
  epochSeen: number,
  nowMs: number,
  { ttlMs }: LeaseSettings,
): LeaseState {
  const hold = memory?.hold ?? null;
  const epoch = memory?.epoch ?? 0;
  return {
    epoch,
    highestEpochSeen: Math.max(epochSeen, epoch, memory?.highestEpochSeen ?? 0),
    hold: hold && { ...hold, renewedAtMs: nowMs, endsAtMs: nowMs + ttlMs },
    lastRelease: null,
    lastRequest: null,
    graceUntilMs: memory === null ? nowMs + ttlMs : nowMs,
  };
}

/** The lease as others are told of it. */
export function viewOf(
  state: LeaseState,
  nowMs: number,
): Pick<ClusterView, "epoch" | "holder" | "released" | "releasedBy"> {
  const { hold, lastRelease } = state;
  // A service that forgot does not know.
  const released = hold === null && state.epoch > 0;
  const view = { epoch: state.highestEpochSeen, holder: hold && holderOf(hold, nowMs), released };
  if (lastRelease === null) return view;
  const { node, address, atMs } = lastRelease;
  return { ...view, releasedBy: { node, address, ago: (nowMs - atMs) / 1000 } };
}

function holderOf({ node, address, clusterId, epoch, endsAtMs }: Hold, nowMs: number): Holder {
  const leftS = (endsAtMs - nowMs) / 1000;
  const runs = leftS > 0 ? { expiresIn: leftS } : { expiresIn: 0, endedFor: -leftS };
  return { node, address, clusterId, epoch, ...runs };
}

/** Host names ignore case. */
export const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
