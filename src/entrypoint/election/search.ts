import type { Outcome } from "./elect.ts";

/** Looks for the HEAD while the old one is out of reach; at most one search runs at a time. */
export class Search {
  readonly #elect: (signal: AbortSignal) => Promise<Outcome>;
  readonly #clusterId: string;
  #running: AbortController | null = null;
  /** Where this node belongs now; null as long as nothing better than its present cluster was found. */
  found: Outcome | null = null;

  /** `elect` resolves with this node's next role; a return to the cluster `clusterId` is none. */
  constructor(elect: (signal: AbortSignal) => Promise<Outcome>, clusterId: string) {
    this.#elect = elect;
    this.#clusterId = clusterId;
  }

  /** Starts or ends the search. Returns true when that changed something. */
  follow(needed: boolean): boolean {
    if (needed === (this.#running !== null)) return false;
    if (needed) this.#start();
    else this.#end();
    return true;
  }

  #start(): void {
    const running = new AbortController();
    this.#running = running;
    void this.#elect(running.signal).then((outcome) => {
      if (running.signal.aborted) return;
      this.#running = null;
      // What runs is better than nothing: as long as no HEAD is found the next look begins another search.
      if (outcome.kind === "failed" && outcome.failure.reason === "no-head-in-time") return;
      // The same GCS may answer the search before it answers the watch; that is no move.
      if (!isCluster(outcome, this.#clusterId)) this.found = outcome;
    });
  }

  #end(): void {
    this.#running?.abort();
    this.#running = null;
  }
}

const isCluster = (outcome: Outcome, clusterId: string): boolean =>
  outcome.kind === "role" &&
  outcome.decision.role === "worker" &&
  outcome.decision.head.clusterId === clusterId;
