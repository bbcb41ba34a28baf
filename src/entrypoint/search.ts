import type { Membership } from "./ready.ts";
import type { Settled } from "./settle.ts";

/** Looks for the HEAD while the old one is out of reach; at most one search runs at a time. */
export class Search {
  readonly #seek: (signal: AbortSignal) => Promise<Settled>;
  readonly #clusterId: string;
  #running: AbortController | null = null;
  /** Where this node belongs now; null as long as nothing better than its present cluster was found. */
  found: Settled | null = null;

  /** `seek` resolves with this node's next role; a return to the cluster of `membership` is none. */
  constructor(seek: (signal: AbortSignal) => Promise<Settled>, membership: Pick<Membership, "clusterId">) {
    this.#seek = seek;
    this.#clusterId = membership.clusterId;
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
    void this.#seek(running.signal).then((settled) => {
      if (running.signal.aborted) return;
      this.#running = null;
      // What runs is better than nothing: as long as no HEAD is found the next look begins another search.
      if (settled.kind === "failed" && settled.failure.reason === "no-head-in-time") return;
      // The same GCS may answer the search before it answers the watch; that is no move.
      if (!isCluster(settled, this.#clusterId)) this.found = settled;
    });
  }

  #end(): void {
    this.#running?.abort();
    this.#running = null;
  }
}

const isCluster = (settled: Settled, clusterId: string): boolean =>
  settled.kind === "role" &&
  settled.decision.role === "worker" &&
  settled.decision.head.clusterId === clusterId;
