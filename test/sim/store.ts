import { err, ok } from "../../src/common/result.ts";
import type { Found, SharedText } from "../../src/health-service/lease/shared-keeping.ts";
import type { Actor } from "./actor.ts";
import type { Network, Peer } from "./network.ts";

export const STORE = "store";

/** What the store holds, as far as promises are about it. */
export interface Held {
  readonly epoch: number;
  readonly last: {
    readonly node: string;
    readonly life: string;
    readonly returning?: boolean;
    readonly released?: boolean;
  } | null;
}

type OnWrite = (before: Held | null, now: Held) => void;

/**
 * A store of one text that changes only where nobody has changed it, as etcd: each message may be lost, late or doubled, like all that
 * the network carries.
 */
export class ModelStore {
  readonly #network: Network;
  readonly #onWrite: OnWrite;
  #text: string | null = null;
  #revision = 0;
  #copy: string | null = null;
  /** A majority of its members is in reach of each other. */
  hasMajority = true;

  constructor(network: Network, onWrite: OnWrite) {
    this.#network = network;
    this.#onWrite = onWrite;
  }

  get held(): Held | null {
    return this.#text === null ? null : (JSON.parse(this.#text) as Held);
  }

  backUp(): void {
    this.#copy = this.#text;
  }

  /** It holds again what it held when it was backed up. */
  restore(): void {
    this.#text = this.#copy;
    this.#revision = 1 + (this.#revision % 7);
  }

  /** As `host` reaches it. */
  of(actor: Actor, host: string): SharedText {
    const call = <T>(serve: () => T, timeoutMs: number) =>
      this.#network.call(actor, host, this.#peer(serve), timeoutMs);
    return {
      at: STORE,
      read: async (timeoutMs) => {
        const reply = await call(() => this.#found, timeoutMs);
        return reply.kind === "answer" ? ok(reply.value) : err(reply.kind);
      },
      swap: async (found, text, timeoutMs) => {
        const reply = await call(() => this.#swap(found, text), timeoutMs);
        return reply.kind === "answer" ? ok(reply.value) : err(reply.kind);
      },
    };
  }

  get #found(): Found {
    return { text: this.#text, version: String(this.#revision) };
  }

  #swap({ text, version }: Found, next: string): Found | null {
    if (text !== this.#text || version !== String(this.#revision)) return null;
    const before = this.held;
    this.#text = next;
    this.#revision += 1;
    this.#onWrite(before, JSON.parse(next));
    return this.#found;
  }

  #peer<T>(serve: () => T): Peer<T> {
    return {
      host: STORE,
      serve: (answer) => {
        if (!this.hasMajority) return "lost";
        answer(serve());
        return "taken";
      },
    };
  }
}
