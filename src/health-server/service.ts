import type { LeaseRequest, ReachAnswer, ReachRequest } from "../common/lease-protocol.ts";
import type { LeaseBook } from "./lease-book.ts";
import type { NodeTable } from "./nodes.ts";
import type { Paced } from "./paced.ts";

/** What the routes work on. */
export interface Service {
  readonly version: string;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
  readonly startedAtMs: number;
  readonly lease: LeaseBook;
  readonly nodes: NodeTable;
  /** False where the address in the request is not the asker's, by all that the service knows; never rejects. */
  readonly isOwnAddress: (request: LeaseRequest, peer: string) => boolean | Promise<boolean>;
  readonly reach: (request: ReachRequest, peer: string) => Promise<ReachAnswer>;
  /** Answers so far by status. */
  readonly answers: Map<number, number>;
  /** What many read and what is dear to make: the bodies of `GET /v1/cluster` and `GET /metrics`. */
  readonly texts: { readonly cluster: Paced; readonly metrics: Paced };
}
