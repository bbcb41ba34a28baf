import type { LeaseRefused, LeaseRelease, LeaseRequest } from "../../common/lease-protocol.ts";
import type { Namesake } from "./namesakes.ts";

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
  /** The highest epoch that anybody spoke of. Only a service that forgot hears more than it knows. */
  readonly heard: number;
  /** The last holder, also after its lease ended; null when none is known or it released. */
  readonly hold: Hold | null;
  /** Which node released the lease last, and when; null after a later grant and after a restart. */
  readonly lastRelease: { readonly node: string; readonly address: string; readonly atMs: number } | null;
  readonly namesakes: readonly Namesake[];
  /** The latest word of the last holder, also after its release. */
  readonly lastWord: { readonly life: string; readonly seq: number } | null;
  /**
   * A candidate that had a silent peer is granted nothing before this time: a service that lost its state may have a
   * holder.
   */
  readonly quietUntilMs: number;
}

export interface LeaseSettings {
  readonly ttlMs: number;
  /** How long a lenient holder must be silent before another life of the same node takes its lease. */
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

export type RefusalReason = Exclude<LeaseRefused["reason"], "storage" | "foreign-address">;

export type GrantedHow = "grant" | "recognition" | "renewal" | "adoption";

export type LeaseAnswer =
  | {
      readonly kind: "granted";
      readonly how: GrantedHow;
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
  readonly hold: Pick<Hold, "node" | "life" | "address" | "clusterId" | "strict" | "epoch"> | null;
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
  const hold = memory?.hold && { ...memory.hold, renewedAtMs: nowMs, endsAtMs: nowMs + settings.ttlMs };
  return {
    epoch: memory?.epoch ?? 0,
    heard: Math.max(heard, memory?.heard ?? 0),
    hold: hold ?? null,
    lastRelease: null,
    namesakes: [],
    lastWord: null,
    quietUntilMs: memory === null ? nowMs + settings.ttlMs : nowMs,
  };
}

/** True where the last holder gave the lease back; a service that forgot does not know. */
export const isReleased = ({ hold, epoch }: LeaseState): boolean => hold === null && epoch > 0;

/** True while the lease runs. */
export const isRunning = (hold: Hold, nowMs: number): boolean => nowMs < hold.endsAtMs;

/** Host names ignore case. */
export const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
