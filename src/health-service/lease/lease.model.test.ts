import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { times } from "../../../test/fixtures/thorough.ts";
import { askLease, releaseLease } from "./lease.ts";
import { type LeaseState, memoryOf, startLease } from "./lease-state.ts";

const TTL = 15_000;
/** Two of them have the same name. */
const NODES = ["a", "b", "c", "a"] as const;

/** One thing that happens in a history. Every message may be late, lost, or overtaken by a later one. */
type Move =
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "ask" | "give-up" | "release" | "crash"; readonly node: number; readonly doubt: boolean }
  | { readonly do: "deliver" | "answer" | "lose"; readonly which: number }
  | { readonly do: "restart" | "forget" };

interface Client {
  readonly node: string;
  readonly life: string;
  seq: number;
  epoch: number | null;
  seen: number;
  /** The moment until which this node may act as the HEAD: counted from when it asked, as its rules say. */
  headUntilMs: number;
  /** The request whose answer it waits for. */
  awaits: number | null;
  /** Its life before the last crash, whose end it can prove. */
  readonly after: string | undefined;
  /** What its GCS has stored: under which epoch it led last, and how many had led until then. Its next life finds the same. */
  store: { readonly epoch: number; turn: number } | null;
}

/** Nodes, a service and the network between them, on one clock. */
class Model {
  nowMs = 0;
  #state: LeaseState = startLease({ kind: "none" }, 0, TTL);
  readonly clients: Client[] = NODES.map((node, i) => newClient(node, i));
  /** What each message does when it arrives. */
  readonly #requests: (() => void)[] = [];
  readonly #answers: (() => void)[] = [];
  #lives = NODES.length;
  /** Every epoch granted, with the life that it was granted to. */
  readonly #grants = new Map<number, string>();
  #highest = 0;
  /** Who has led, one after the other. */
  readonly #leaders: string[] = [];
  /** After a loss of memory, what was granted before it is no measure any more. */
  #forgot = false;

  make(move: Move): void {
    if ("ms" in move) this.nowMs += move.ms;
    else if ("node" in move) this.#act(move.do, move.node, move.doubt ? "silent" : "answered");
    else if ("which" in move) {
      const arrives = take(move.do === "answer" ? this.#answers : this.#requests, move.which);
      if (move.do !== "lose") arrives?.();
    } else this.#restart(move.do === "forget");
  }

  /** Each node that still has an epoch renews until its answer is there; the network is whole again. */
  heal(): void {
    for (const client of this.clients) {
      client.awaits = null;
      if (client.epoch === null) continue;
      this.#ask(client, "answered");
      this.#requests.pop()?.();
      this.#answers.pop()?.();
    }
  }

  heads(): string[] {
    return this.clients.filter(({ headUntilMs }) => this.nowMs < headUntilMs).map(({ node }) => node);
  }

  #restart(forgets: boolean): void {
    this.#forgot ||= forgets;
    this.#requests.length = 0;
    const recalled = forgets
      ? ({ kind: "none" } as const)
      : ({ kind: "kept", ...memoryOf(this.#state) } as const);
    this.#state = startLease(recalled, this.nowMs, TTL);
  }

  #act(what: "ask" | "give-up" | "release" | "crash", index: number, others: "silent" | "answered"): void {
    const client = this.clients[index] as Client;
    if (what === "give-up") client.awaits = null;
    else if (what === "crash") this.clients[index] = newClient(client.node, ++this.#lives, client);
    else if (client.awaits === null && what === "ask") this.#ask(client, others);
    else if (client.awaits === null && client.epoch !== null)
      this.#release(client, client.epoch, others === "silent");
  }

  #ask(client: Client, others: "silent" | "answered"): void {
    const sentAtMs = this.nowMs;
    const { node, life, epoch, seen, after } = client;
    client.seq += 1;
    const seq = client.seq;
    client.awaits = seq;
    const who = { node, life, after, address: "h:1", clusterId: null, strict: true };
    const request = { ...who, seq, epoch, seen, others };
    this.#requests.push(() => {
      const step = askLease(this.#state, request, this.nowMs, TTL);
      this.#enter(step.state);
      if ("how" in step) this.#note(client, step.how, step.epoch);
      const turn = this.#leaders.length;
      this.#answers.push(() => {
        if (client.awaits !== seq) return;
        Object.assign(client, { awaits: null, epoch: null, headUntilMs: 0 });
        if ("reason" in step) return;
        if (epoch === null) this.#open(client, step.state.sole.since, turn);
        client.store = { epoch: step.epoch, turn };
        client.epoch = step.epoch;
        client.seen = Math.max(client.seen, step.epoch);
        client.headUntilMs = sentAtMs + TTL;
      });
    });
  }

  /**
   * A node that begins to lead uses its store only where no other one has led since, and always then, unless the service forgot.
   * A service that forgot cannot tell the epochs of two nodes of one name apart.
   */
  #open({ node, store }: Client, soleSince: number, turn: number): void {
    if (store === null) return;
    const isOwn = store.epoch >= soleSince;
    const isSole = this.#leaders.slice(store.turn, turn).every((each) => each === node);
    const isNameShared = NODES.filter((name) => name === node).length > 1;
    if (!this.#forgot || (isOwn && !isNameShared)) expect(isOwn).toBe(isSole);
  }

  #release(client: Client, epoch: number, returning: boolean): void {
    const { node, life } = client;
    client.seq += 1;
    const release = { node, life, epoch, seq: client.seq, returning };
    Object.assign(client, { epoch: null, headUntilMs: 0 });
    this.#requests.push(() => this.#enter(releaseLease(this.#state, release, this.nowMs, TTL)));
  }

  #enter(state: LeaseState): void {
    expect(state.epoch).toBeGreaterThanOrEqual(this.#state.epoch);
    this.#state = state;
  }

  /** Each epoch belongs to one life, and a new one is above all before it. */
  #note(client: Client, how: string, epoch: number): void {
    const { node, life, store } = client;
    if (this.#leaders.at(-1) !== node) this.#leaders.push(node);
    // Its cluster lived when it asked, whoever was granted the lease meanwhile by a service that forgot it.
    if (client.epoch === epoch && store !== null) store.turn = this.#leaders.length;
    if (this.#forgot) return;
    if (how === "grant") {
      expect(epoch).toBeGreaterThan(this.#highest);
      this.#grants.set(epoch, life);
      this.#highest = epoch;
    }
    expect(this.#grants.get(epoch)).toBe(life);
  }
}

const newClient = (node: string, life: number, before?: Client): Client => ({
  ...{ node, life: `${node}${life}`, seq: 0, epoch: null, headUntilMs: 0, awaits: null },
  ...{ after: before?.life, store: before?.store ?? null, seen: before?.store?.epoch ?? 0 },
});

function take<T>(list: T[], which: number): T | undefined {
  return list.splice(which % Math.max(1, list.length), 1)[0];
}

const node = fc.nat({ max: NODES.length - 1 });
const person = (...what: ("ask" | "give-up" | "release" | "crash")[]) =>
  fc.record({ do: fc.constantFrom(...what), node, doubt: fc.boolean() });
const post = (...what: ("deliver" | "answer" | "lose")[]) =>
  fc.record({ do: fc.constantFrom(...what), which: fc.nat({ max: 5 }) });
const usual: fc.WeightedArbitrary<Move>[] = [
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 500, 2000, 6000, TTL) }),
  },
  { weight: 5, arbitrary: person("ask") },
  { weight: 2, arbitrary: person("give-up", "release", "crash") },
  { weight: 8, arbitrary: post("deliver", "deliver", "answer", "answer", "lose") },
  { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
];
const history = (...more: fc.WeightedArbitrary<Move>[]) =>
  fc.array(fc.oneof(...usual, ...more), { minLength: 5, maxLength: 120, size: "max" });

describe("in every history of late, lost and overtaken messages, crashes and restarts", () => {
  test("A1 a service with memory has at most one strict HEAD at a time, one life for each epoch, and epochs that only grow", () => {
    fc.assert(
      fc.property(history(), (moves) => {
        const model = new Model();
        for (const move of moves) {
          model.make(move);
          expect(model.heads().length).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: times(3000) },
    );
  });

  test("a service that forgets ends with one HEAD once every node has renewed again", () => {
    const forget = { weight: 1, arbitrary: fc.constant({ do: "forget" as const }) };
    fc.assert(
      fc.property(history(forget), (moves) => {
        const model = new Model();
        for (const move of moves) model.make(move);
        model.heal();
        model.heal();
        expect(model.heads().length).toBeLessThanOrEqual(1);
      }),
      { numRuns: times(3000) },
    );
  });
});
