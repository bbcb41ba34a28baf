import type * as lease from "./lease-state.ts";

/** What a request does to the lease. Pure: where it is kept together with others, it may be done once more, to a newer state. */
export interface Change<T> {
  readonly state: lease.LeaseState;
  /** What has to be kept. "renewal": only where others look at it, too. */
  readonly what: "news" | "renewal" | "none";
  readonly answer: () => T;
  /** The answer where it cannot be kept, and so does not count; not given: it counts all the same where this service is alone. */
  readonly otherwise?: (() => T) | undefined;
}

/** Nobody can say now how the lease stands. */
export interface Unavailable {
  readonly unavailable: string;
}

/** Where the lease is, and how it changes there. */
export interface Keeping {
  /** As it was seen last. */
  readonly state: lease.LeaseState;
  /** The last write of this service's own was kept. */
  readonly stored: boolean;
  /** Looks at the lease as it is now; null, or why it cannot be seen. Never rejects. */
  look(): Promise<Unavailable | null>;
  /** One change after the other. */
  change<T>(make: (before: lease.LeaseState) => Change<T>): Promise<T | Unavailable>;
  /** Somebody has seen this epoch. */
  seeEpoch(epoch: number): Promise<void>;
  /** Resolves when no write is under way. */
  settled(): Promise<unknown>;
}
