interface Dial {
  readonly node: string;
  /** The address that asked. */
  readonly peer: string;
  /** What is dialled: host:port. */
  readonly target: string;
}

/** Longer than a dial takes, so that there is one at a time for each node. */
const NODE_RESTS_MS = 3000;
const MINUTE_MS = 60_000;
/** So there are as many at once at most: a thousand nodes that start together wait for each other. */
const MAX_A_MINUTE = 120;
const HOUR_MS = 60 * MINUTE_MS;
/**
 * A node has one or two targets, for good, and a few nodes may share an address behind NAT. A scanner needs thousands.
 */
const MAX_TARGETS_OF_A_PEER = 32;

/**
 * How often the service dials for others, so that it scans no network for strangers. The budget is asked before each
 * dial: null when it may be made, and then it counts; else the reason why not, for the asker. `trusted`: whoever asks
 * has shown the token. `now`: milliseconds on the monotonic clock.
 */
export function createDialBudget(trusted: boolean, now: () => number): (dial: Dial) => string | null {
  /** Those of the last hour, oldest first; the limit of a minute limits them too. */
  let dials: readonly (Dial & { readonly atMs: number })[] = [];
  return (dial) => {
    const nowMs = now();
    const lately = (ms: number) => dials.filter(({ atMs }) => nowMs - atMs < ms);
    dials = lately(HOUR_MS);
    const targets = new Set(dials.flatMap(({ peer, target }) => (peer === dial.peer ? [target] : [])));
    if (lately(NODE_RESTS_MS).some(({ node }) => node === dial.node))
      return `this node was dialled less than ${NODE_RESTS_MS / 1000} s ago; ask again`;
    if (lately(MINUTE_MS).length >= MAX_A_MINUTE)
      return `there were ${MAX_A_MINUTE} dials within a minute; ask again`;
    if (!trusted && targets.size >= MAX_TARGETS_OF_A_PEER && !targets.has(dial.target))
      return `${dial.peer} has asked for ${MAX_TARGETS_OF_A_PEER} targets within an hour, and writes are open`;
    dials = [...dials, { ...dial, atMs: nowMs }];
    return null;
  };
}
