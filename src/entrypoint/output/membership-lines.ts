import { type Card, shown } from "../membership/address.ts";

/** The events of a member of a cluster of several machines. */
export const MEMBERSHIP = {
  joined: (e: { cluster: string; member: string }) => `✓ Joined the cluster ${e.cluster} as ${e.member}`,
  "own-address": (e: { address: string; interface: string | undefined; cards: readonly Card[] }) => {
    const own = e.cards.find(({ address }) => address === e.address);
    const others = e.cards.filter((each) => each !== own).map(shown);
    const rest = others.length === 0 ? "" : `; not taken: ${others.join(", ")}`;
    return `→ This node is at ${own === undefined ? e.address : shown(own)}${rest}`;
  },
  /** Idle: an end would be a restart, and the answer would be the same. */
  removed: (e: { cluster: string; member: string; message: string }) => [
    `✗ ${e.member} was removed from the cluster ${e.cluster}: ${e.message}`,
    "  → This node stays idle. To join again give it a new token (ws token on a candidate); to clean up: ws leave",
  ],
};
