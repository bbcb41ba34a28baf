import { sameHost } from "../../common/address.ts";
import type { ClusterStore } from "./cluster-store.ts";
import { digestOf, sameDigest } from "./secrets.ts";

/** Who sent a request. */
export type Identity =
  /** `reader`: a page whose user has shown a credential. */
  | { readonly kind: "admin" | "stranger" | "reader" }
  | { readonly kind: "removed"; readonly name: string }
  | { readonly kind: "member"; readonly name: string; readonly candidate: boolean };

interface CallersSettings {
  readonly store: ClusterStore;
  readonly admin: string;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly graceMs: number;
}

/** A member reports every two seconds. */
const LIVES_FOR_MS = 10_000;

/** Whose credential a request presents, and which members were heard in this run. */
export class Callers {
  readonly #store: ClusterStore;
  readonly #admin: string;
  readonly #now: () => number;
  readonly #graceMs: number;
  #beganMs: number;
  readonly #heardAtMs = new Map<string, number>();
  /** Those that joined in this run and were not heard yet. */
  readonly #fresh = new Set<string>();
  /** Those that joined in this run, and whose nodes have not reported since. */
  readonly #neverRan = new Set<string>();

  constructor({ store, admin, now, graceMs }: CallersSettings) {
    this.#store = store;
    this.#admin = digestOf(admin);
    this.#now = now;
    this.#graceMs = graceMs;
    this.#beganMs = now();
  }

  /** From now on members speak to this service. */
  begin(): void {
    this.#beganMs = this.#now();
    this.#heardAtMs.clear();
  }

  /** By the Authorization header. A member counts as heard. */
  identify(authorization?: string): Identity {
    const caller = this.find(authorization);
    if (caller.kind !== "member") return caller;
    this.#heardAtMs.set(keyOf(caller.name), this.#now());
    this.#fresh.delete(keyOf(caller.name));
    return caller;
  }

  /** The same, and nobody counts as heard. */
  find(authorization = ""): Identity {
    const [, name, secret = ""] = /^Bearer (?:([^:]*):)?([\w-]+)$/.exec(authorization) ?? [];
    const digest = digestOf(secret);
    if (name === undefined) return { kind: sameDigest(digest, this.#admin) ? "admin" : "stranger" };
    const isIt = (each: { name: string; credential: string }) =>
      sameHost(each.name, name) && sameDigest(each.credential, digest);
    const { members, removed } = this.#store.state;
    const member = members.find(isIt);
    if (member === undefined) return removed.some(isIt) ? { kind: "removed", name } : { kind: "stranger" };
    return { kind: "member", name: member.name, candidate: member.candidate };
  }

  /** It has joined just now, and was not heard since. */
  welcome(name: string): void {
    this.#heardAtMs.delete(keyOf(name));
    this.#fresh.add(keyOf(name));
    this.#neverRan.add(keyOf(name));
  }

  /** Its node has reported. */
  ran(name: string): void {
    this.#neverRan.delete(keyOf(name));
  }

  /** Since it joined, its node has not reported. False where it joined in an earlier run: nobody knows. */
  neverRan(name: string): boolean {
    return this.#neverRan.has(keyOf(name));
  }

  isFresh(name: string): boolean {
    return this.#fresh.has(keyOf(name));
  }

  /** It was heard lately, or this service has not listened long enough to know. */
  lives(name: string): boolean {
    const agoMs = this.heardAgoMs(name);
    return agoMs === null ? this.#now() - this.#beganMs < this.#graceMs : agoMs < LIVES_FOR_MS;
  }

  /** Null where it was not heard in this run. */
  heardAgoMs(name: string): number | null {
    const atMs = this.#heardAtMs.get(keyOf(name));
    return atMs === undefined ? null : this.#now() - atMs;
  }
}

const keyOf = (name: string): string => name.toLowerCase();
