import type { ReachAnswer, ReachRequest } from "../common/lease-protocol.ts";
import type { LeaseBook } from "./lease-book.ts";
import type { NodeTable } from "./nodes.ts";

/** What the routes work on. */
export interface Service {
  readonly version: string;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
  readonly startedAtMs: number;
  readonly lease: LeaseBook;
  readonly nodes: NodeTable;
  readonly reach: (request: ReachRequest, peer: string) => Promise<ReachAnswer>;
  /** Answers so far by status. */
  readonly answers: Map<number, number>;
}
