import type { ProbeResult } from "../../common/probe-result.ts";
import type { LeaseGranted, LeaseRefused } from "../../common/protocol/lease-protocol.ts";
import type { ClusterView } from "../../common/protocol/report-protocol.ts";

/** What the health service showed of itself. */
export type HealthFact = { readonly ms: number } & (
  | { readonly kind: "lease"; readonly view: ClusterView }
  /** Answers 200 on `/`, but keeps no head lease. */
  | { readonly kind: "plain" }
  /** No health service is wanted (HEALTH_URL=none). */
  | { readonly kind: "none" }
  | { readonly kind: "down"; readonly attempts: number; readonly cause: string }
  /** Not waited for, since a HEAD answered first. */
  | { readonly kind: "unknown" }
);

/** What came back when this node asked for the head lease. */
export type LeaseFact =
  | ({ readonly kind: "granted" } & LeaseGranted)
  | ({ readonly kind: "refused" } & LeaseRefused)
  /**
   * The answer is unknown, so the lease may have been granted; with `keepsNone` the service keeps no lease that it
   * could grant.
   */
  | { readonly kind: "no-answer"; readonly cause: string; readonly keepsNone?: true };

/** What came back when this node reported its state. */
export type ReportFact =
  /** `hasDuplicate`: a younger process of this node's name was turned away. `hasMore`: not all of the log fitted in. */
  | {
      readonly kind: "noted";
      readonly instance: string;
      readonly hasDuplicate: boolean;
      readonly epoch: number;
      readonly hasMore?: boolean;
    }
  | { readonly kind: "duplicate-name"; readonly message: string }
  | { readonly kind: "no-answer"; readonly cause: string };

/** What one possible HEAD answered; `name` is its whitelist name, or null for an address known from elsewhere. */
export interface HeadFact {
  readonly name: string | null;
  readonly result: ProbeResult;
}

/** All that a decision may depend on, gathered in one pass. */
export interface Facts {
  readonly health: HealthFact;
  readonly heads: readonly HeadFact[];
  /** The answer to this node's own request; null as long as it has not asked. */
  readonly lease: LeaseFact | null;
  readonly ownRayVersion: string | null;
  /** Milliseconds since this node began to decide. */
  readonly waitedMs: number;
  /** What this node was in its last run: nobody else is promoted over a HEAD that only has to restart its Ray. */
  readonly lastRole: "head" | "worker" | null;
  /** Milliseconds since this node saw a HEAD's GCS, or since it began to look for one. */
  readonly headUnseenMs: number;
}
