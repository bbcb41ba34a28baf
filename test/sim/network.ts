import type { Actor } from "./actor.ts";
import type { Clock } from "./clock.ts";
import type { Prng } from "./prng.ts";

/** What a caller sees: the answer, silence until its timeout, or that nobody listens. */
export type Reply<T> =
  | { readonly kind: "answer"; readonly value: T }
  | { readonly kind: "silence" }
  | { readonly kind: "refused" };

/** What is at the far end. `serve` answers, at once or later; never: "refused" for nobody listening. */
export interface Peer<T> {
  readonly host: string;
  readonly serve: (answer: (value: T) => void) => "taken" | "refused" | "lost";
}

/** Messages between hosts: delayed, lost, duplicated or reordered, and none across a cut. */
export class Network {
  /** Of each message; 0 in a calm network. */
  loss = 0;
  /** Of each message, to be delivered a second time, later. */
  doubling = 0;
  /** Of each message, to take up to three seconds. */
  delays = 0;
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #cuts = new Map<string, number>();

  constructor(clock: Clock, prng: Prng) {
    this.#clock = clock;
    this.#prng = prng;
  }

  get calm(): boolean {
    return this.loss === 0 && this.delays === 0;
  }

  /** Calm, and nobody is cut off from anybody. */
  get whole(): boolean {
    return this.calm && this.#cuts.size === 0;
  }

  isOpen(from: string, to: string): boolean {
    return !this.#cuts.has(`${from}>${to}`);
  }

  /** Nothing goes from the first place of each pair to the second, until `mend` was called as often. */
  cut(pairs: readonly (readonly [string, string])[]): void {
    for (const pair of pairs) this.#count(pair, 1);
  }

  mend(pairs: readonly (readonly [string, string])[]): void {
    for (const pair of pairs) this.#count(pair, -1);
  }

  #count([from, to]: readonly [string, string], more: 1 | -1): void {
    const key = `${from}>${to}`;
    const cuts = (this.#cuts.get(key) ?? 0) + more;
    if (cuts > 0) this.#cuts.set(key, cuts);
    else this.#cuts.delete(key);
  }

  heal(): void {
    this.#cuts.clear();
    Object.assign(this, { loss: 0, doubling: 0, delays: 0 });
  }

  /** One request and its answer. A late answer is dropped; a late request is served all the same. */
  call<T>(caller: Actor, from: string, to: Peer<T>, timeoutMs: number): Promise<Reply<T>> {
    return new Promise((resolve) => {
      const tell = (reply: Reply<T>) => caller.do(() => resolve(reply));
      const giveUp = caller.after(timeoutMs, () => resolve({ kind: "silence" }));
      const back = (reply: Reply<T>) =>
        this.#send(to.host, from, () => {
          giveUp();
          tell(reply);
        });
      this.#send(from, to.host, () => {
        const taken = to.serve((value) => back({ kind: "answer", value }));
        if (taken === "refused") back({ kind: "refused" });
      });
    });
  }

  #send(from: string, to: string, deliver: () => void): void {
    if (this.loss > 0 && this.#prng.chance(this.loss)) return;
    const arrive = () => {
      if (this.isOpen(from, to)) deliver();
    };
    this.#clock.after(this.#latency(), arrive);
    if (this.doubling > 0 && this.#prng.chance(this.doubling))
      this.#clock.after(this.#latency() * 20, arrive);
  }

  #latency(): number {
    return this.delays > 0 && this.#prng.chance(this.delays)
      ? this.#prng.between(100, 3000)
      : this.#prng.between(1, 20);
  }
}
