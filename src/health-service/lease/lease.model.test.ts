import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { askLease, releaseLease, type Step } from "./lease.ts";
import { type LeaseSettings, type LeaseState, type Memory, startLease } from "./lease-state.ts";

const TTL = 15_000;
/** Two of them have the same name. */
const NODES = ["a", "b", "c", "a"] as const;
const SETTINGS: LeaseSettings = {
  ttlMs: TTL,
  sameNameAfterMs: 5000,
  askAgainMs: 2000,
  isCandidate: () => true,
};

/** One thing that happens in a history. Every message may be late, lost, or overtaken by a later one. */
type Move =
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "speak" | "give-up" | "release" | "crash"; readonly node: number; readonly doubt: boolean }
  | { readonly do: "deliver" | "answer" | "lose"; readonly which: number }
  | { readonly do: "restart" | "forget" };

interface Reply {
  readonly message: Message;
  /** Null: the release was taken note of. */
  readonly answer: Step["answer"] | null;
}

interface Client {
  readonly node: string;
  life: string;
  seq: number;
  epoch: number | null;
  seen: number;
  /** The moment until which this node may act as the HEAD: counted from when it spoke, as its rules say. */
  headUntilMs: number;
  awaits: number | null;
}

interface Message {
  readonly id: number;
  readonly client: Client;
  readonly life: string;
  readonly seq: number;
  readonly epoch: number | null;
  readonly release: boolean;
  readonly doubt: boolean;
  readonly seen: number;
  readonly sentAtMs: number;
}

/** Nodes, a service and the network between them, on one clock. */
class World {
  nowMs = 0;
  #state: LeaseState = startLease(null, 0, 0, SETTINGS);
  readonly clients: Client[] = NODES.map((node, i) => newClient(node, i));
  readonly #requests: Message[] = [];
  readonly #answers: Reply[] = [];
  #lives = NODES.length;
  #ids = 0;
  /** Every epoch granted, with the life that it was granted to. */
  readonly #grants = new Map<number, string>();
  #highest = 0;
  /** After a loss of memory, what was granted before it is no measure any more. */
  #forgot = false;

  make(move: Move): void {
    switch (move.do) {
      case "wait":
        this.nowMs += move.ms;
        break;
      case "restart":
        this.#requests.length = 0;
        this.#state = startLease(memoryOf(this.#state), 0, this.nowMs, SETTINGS);
        break;
      case "forget":
        this.#forgot = true;
        this.#requests.length = 0;
        this.#state = startLease(null, 0, this.nowMs, SETTINGS);
        break;
      case "deliver":
        this.#deliver(take(this.#requests, move.which));
        break;
      case "answer":
        this.#hear(take(this.#answers, move.which));
        break;
      case "lose":
        take(this.#requests, move.which);
        break;
      default:
        this.#act(move.do, this.clients[move.node] as Client, move.doubt);
    }
  }

  /** Each node that still has an epoch renews until its answer is there; the network is whole again. */
  heal(): void {
    for (const client of this.clients) {
      client.awaits = null;
      if (client.epoch === null) continue;
      this.#act("speak", client, false);
      this.#deliver(this.#requests.pop());
      this.#hear(this.#answers.pop());
    }
  }

  heads(): string[] {
    return this.clients.filter(({ headUntilMs }) => this.nowMs < headUntilMs).map(({ node }) => node);
  }

  #act(what: "speak" | "give-up" | "release" | "crash", client: Client, doubt: boolean): void {
    if (what === "give-up") client.awaits = null;
    else if (what === "crash") Object.assign(client, newClient(client.node, ++this.#lives), { seen: 0 });
    else if (client.awaits === null && (what === "speak" || client.epoch !== null))
      this.#send(client, what, doubt);
  }

  #send(client: Client, what: "speak" | "release", doubt: boolean): void {
    const { life, epoch, seen } = client;
    const message: Message = {
      id: ++this.#ids,
      client,
      life,
      seq: ++client.seq,
      epoch,
      seen,
      release: what === "release",
      doubt,
      sentAtMs: this.nowMs,
    };
    if (what === "release") Object.assign(client, { epoch: null, headUntilMs: 0 });
    else client.awaits = message.id;
    this.#requests.push(message);
  }

  #deliver(message: Message | undefined): void {
    if (message === undefined) return;
    const { state, answer } = this.#step(message);
    expect(state.epoch).toBeGreaterThanOrEqual(this.#state.epoch);
    this.#state = state;
    this.#note(message, answer);
    this.#answers.push({ message, answer });
  }

  #step({ client: { node }, life, seq, epoch, seen, doubt, release }: Message): Pick<Reply, "answer"> & {
    readonly state: LeaseState;
  } {
    const word = { node, life, seq };
    if (release)
      return { ...releaseLease(this.#state, { ...word, epoch: epoch as number }, this.nowMs), answer: null };
    const others = doubt ? "silent" : "answered";
    const request = { ...word, epoch, seen, others, address: "h:1", clusterId: null, strict: true } as const;
    return askLease(this.#state, request, this.nowMs, SETTINGS);
  }

  /** Each epoch belongs to one life, and a new one is above all before it. */
  #note({ life }: Message, answer: Reply["answer"]): void {
    if (answer?.kind !== "granted" || this.#forgot) return;
    if (answer.how === "grant") {
      expect(answer.epoch).toBeGreaterThan(this.#highest);
      this.#grants.set(answer.epoch, life);
      this.#highest = answer.epoch;
    }
    expect(this.#grants.get(answer.epoch)).toBe(life);
  }

  #hear(reply: Reply | undefined): void {
    if (reply === undefined) return;
    const { message, answer } = reply;
    const { client } = message;
    if (client.life !== message.life || client.awaits !== message.id) return;
    client.awaits = null;
    if (answer?.kind === "granted")
      Object.assign(client, {
        epoch: answer.epoch,
        seen: Math.max(client.seen, answer.epoch),
        headUntilMs: message.sentAtMs + TTL,
      });
    else if (answer?.kind === "refused") Object.assign(client, { epoch: null, headUntilMs: 0 });
  }
}

const newClient = (node: string, life: number): Client => ({
  node,
  life: `${node}${life}`,
  seq: 0,
  epoch: null,
  seen: 0,
  headUntilMs: 0,
  awaits: null,
});

const memoryOf = ({ epoch, highestEpochSeen, hold }: LeaseState): Memory => ({
  epoch,
  highestEpochSeen,
  hold,
});

function take<T>(list: T[], which: number): T | undefined {
  return list.splice(which % Math.max(1, list.length), 1)[0];
}

const node = fc.nat({ max: NODES.length - 1 });
const person = (...what: ("speak" | "give-up" | "release" | "crash")[]) =>
  fc.record({ do: fc.constantFrom(...what), node, doubt: fc.boolean() });
const post = (...what: ("deliver" | "answer" | "lose")[]) =>
  fc.record({ do: fc.constantFrom(...what), which: fc.nat({ max: 5 }) });
const usual: fc.WeightedArbitrary<Move>[] = [
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 500, 2000, 6000, TTL) }),
  },
  { weight: 5, arbitrary: person("speak") },
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
        const world = new World();
        for (const move of moves) {
          world.make(move);
          expect(world.heads().length).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("a service that forgets ends with one HEAD once every node has renewed again", () => {
    const forget = { weight: 1, arbitrary: fc.constant({ do: "forget" as const }) };
    fc.assert(
      fc.property(history(forget), (moves) => {
        const world = new World();
        for (const move of moves) world.make(move);
        world.heal();
        world.heal();
        expect(world.heads().length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 3000 },
    );
  });
});
