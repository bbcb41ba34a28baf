import type { Address } from "../../../common/address.ts";
import type { Failure } from "../../../common/failure.ts";
import type { RayGcs } from "../../../common/probe-result.ts";

/** Which rule of the decision made it; the numbers are those of the table in docs/deciding.md. */
export type Rule =
  | "1-explicit-head"
  | "2-not-a-candidate"
  | "3-head-found"
  | "3-head-lease"
  | "3-whitelist-order"
  | "4-no-health-service";

export type Decision =
  | { readonly role: "head"; readonly rule: Rule; readonly epoch: number | null }
  | { readonly role: "worker"; readonly rule: Rule; readonly head: RayGcs }
  /** Nothing stands against this node as HEAD but the lease, which is to be asked for. */
  | { readonly role: "ask-lease"; readonly rule: Rule; readonly others: "answered" | "silent" }
  /** Look again after `retryMs`. */
  | { readonly role: "wait"; readonly rule: Rule; readonly waitingFor: WaitReason; readonly retryMs: number }
  | { readonly role: "none"; readonly rule: Rule; readonly failure: Failure };

export type WaitReason =
  | { readonly kind: "head"; readonly addresses: readonly Address[] }
  | { readonly kind: "lease-holder"; readonly node: string; readonly address: string; readonly epoch: number }
  | { readonly kind: "lease"; readonly reason: string; readonly message: string }
  | {
      readonly kind: "takeover";
      readonly node: string;
      readonly epoch: number;
      /** It stopped cleanly and has the state of its cluster. */
      readonly returning?: boolean | undefined;
      readonly remainingMs: number | null;
    }
  | { readonly kind: "second-look"; readonly remainingMs: number; readonly place: number };

/** How soon a wait looks again: a probe costs 3 ms, and every second here is a second of rejoining. */
export const LOOK_AGAIN_MS = 500;
