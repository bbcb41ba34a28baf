interface Dial {
  readonly node: string;
  /** The address that asked. */
  readonly peer: string;
  /** What is dialled: host:port. */
  readonly target: string;
}

export interface DialBudgetSettings {
  /** True where whoever asks has shown the token. */
  readonly trusted: boolean;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

const NODE_RESTS_MS = 3000;
const MINUTE_MS = 60_000;
const MOST_A_MINUTE = 120;
const HOUR_MS = 60 * MINUTE_MS;
/**
 * A node has one or two targets, for good, and a few nodes may share an address behind NAT. A scanner needs thousands.
 */
const MOST_TARGETS_OF_A_PEER = 32;

/** How often the service dials for others, so that it scans no network for strangers. */
export class DialBudget {
  readonly #settings: DialBudgetSettings;
  /** Those of the last hour, oldest first; the limit of a minute limits them too. */
  #dials: readonly (Dial & { readonly atMs: number })[] = [];

  constructor(settings: DialBudgetSettings) {
    this.#settings = settings;
  }

  /** Null when the dial may be made, and then it counts; else the reason why not, for the asker. */
  take(dial: Dial): string | null {
    const nowMs = this.#settings.now();
    this.#dials = this.#dials.filter(({ atMs }) => nowMs - atMs < HOUR_MS);
    const obstacle = this.#obstacle(dial, nowMs);
    if (obstacle === null) this.#dials = [...this.#dials, { ...dial, atMs: nowMs }];
    return obstacle;
  }

  #obstacle({ node, peer, target }: Dial, nowMs: number): string | null {
    const within = (ms: number) => this.#dials.filter(({ atMs }) => nowMs - atMs < ms);
    if (within(NODE_RESTS_MS).some((each) => each.node === node))
      return `this node was dialled less than ${NODE_RESTS_MS / 1000} s ago; ask again`;
    if (within(MINUTE_MS).length >= MOST_A_MINUTE)
      return `there were ${MOST_A_MINUTE} dials within a minute; ask again`;
    if (this.#settings.trusted) return null;
    const targets = new Set(this.#dials.flatMap((each) => (each.peer === peer ? [each.target] : [])));
    return targets.has(target) || targets.size < MOST_TARGETS_OF_A_PEER
      ? null
      : `${peer} has asked for ${MOST_TARGETS_OF_A_PEER} targets within an hour, and writes are open`;
  }
}
