/** The events of a member of a cluster of several machines. */
export const MEMBERSHIP = {
  joined: (e: { cluster: string; member: string }) => `✓ Joined the cluster ${e.cluster} as ${e.member}`,
  /** Idle: an end would be a restart, and the answer would be the same. */
  removed: (e: { cluster: string; member: string; message: string }) => [
    `✗ ${e.member} was removed from the cluster ${e.cluster}: ${e.message}`,
    "  → This node stays idle. To join again give it a new token (ws token on a candidate); to clean up: ws leave",
  ],
};
