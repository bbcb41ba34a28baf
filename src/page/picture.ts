import type { ClusterEvent } from "../common/protocol/events-protocol.ts";
import type { ClusterView } from "../common/protocol/report-protocol.ts";

/** How this page and the health service are connected. `gone`: since then (milliseconds since 1970), and why. `asks`: it wants a token. */
export type Link =
  | { readonly kind: "opening" | "live" }
  | { readonly kind: "gone"; readonly sinceMs: number; readonly why: string }
  | { readonly kind: "asks"; readonly why: string };

/** All that the page shows. */
export interface Picture {
  readonly link: Link;
  /** The last view that came; `atMs`: when, by the browser's clock. */
  readonly view?: ClusterView;
  readonly atMs: number;
  /** The oldest first. */
  readonly events: readonly ClusterEvent[];
  /** How far the service's clock is ahead of the browser's. */
  readonly aheadMs: number;
}

export type NodeView = ClusterView["nodes"][number];

/** A view of the past, and the moment at which it is looked at; both by the service's clock. */
export interface Moment {
  readonly view: ClusterView;
  readonly atMs: number;
  readonly events: readonly ClusterEvent[];
  readonly nowMs: number;
}
