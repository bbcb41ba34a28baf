import type { LeaseRequest, ReachAnswer, ReachRequest } from "../common/lease-protocol.ts";
import type { Paced } from "./http/paced.ts";
import type { LeaseStore } from "./lease/lease-store.ts";
import type { Registry } from "./registry.ts";

/** What the routes work on. */
export interface Service {
  readonly version: string;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
  readonly startedAtMs: number;
  readonly lease: LeaseStore;
  readonly nodes: Registry;
  /** False if the address in the request is not known to be the sender's; never rejects. */
  readonly isOwnAddress: (request: LeaseRequest, peer: string) => boolean | Promise<boolean>;
  readonly reach: (request: ReachRequest, peer: string) => Promise<ReachAnswer>;
  /** Answers so far by status. */
  readonly answers: Map<number, number>;
  /** The texts that many read and that are expensive to make: the bodies of `GET /v1/cluster` and `GET /metrics`. */
  readonly texts: { readonly cluster: Paced; readonly metrics: Paced };
}
