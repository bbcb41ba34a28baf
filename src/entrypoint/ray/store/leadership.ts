import type { Config } from "../../config/config.ts";

/** Under which lease this node leads. */
export interface Leadership {
  /** Null: without a lease. */
  readonly epoch: number | null;
  /** No other node has held the lease since this epoch; null where the health service does not say it. */
  readonly soleSince: number | null;
}

/**
 * Whether the store that was last written under the epoch `stored` is that of the cluster that this node leads: a store is used
 * only by the node that has led ever since. Without a lease nobody can know better than the node itself. Pure.
 */
export const isOwn = (stored: number | null, { epoch, soleSince }: Leadership): boolean =>
  // 0: nobody else may lead. Each grant raises the epoch, so that where the service says nothing more, only a store of the
  // epoch just before has certainly had no other leader since.
  epoch === null || soleSince === 0 || (stored !== null && stored >= (soleSince ?? epoch - 1));

/** What the lease says of it, and the settings: beside an explicit HEAD or a single candidate nobody else leads. Pure. */
export const leadershipOf = (
  { heldEpoch: epoch, soleSince }: { readonly heldEpoch: number | null; readonly soleSince: number | null },
  { explicitHead, whitelist }: Pick<Config, "explicitHead" | "whitelist">,
): Leadership => ({ epoch, soleSince: explicitHead !== null || whitelist.length === 1 ? 0 : soleSince });
