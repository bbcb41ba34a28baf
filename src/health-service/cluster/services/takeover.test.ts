import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { clusterStore, EMPTY_CLUSTER } from "../../../../test/fixtures/cluster-store.ts";
import { at, clusterOf, Services, type SimulatedService } from "../../../../test/fixtures/services.ts";
import { times } from "../../../../test/fixtures/thorough.ts";
import { makeAuthority } from "../certificates.ts";
import * as membership from "../membership.ts";
import { provenQuery, type Rank } from "./rank.ts";
import { Takeover } from "./takeover.ts";

/** A service that decides, whose lease is written when each of `waiting` is called. */
function deciding() {
  const log = () => {};
  const store = clusterStore(clusterOf(["m1", "m2"]));
  const waiting: (() => void)[] = [];
  const known = { epoch: 1 };
  const lease = {
    memory: () => ({ ...known, highestEpochSeen: known.epoch, hold: null }),
    restore: async () => {},
    settled: () => new Promise<void>((resolve) => waiting.push(resolve)),
  };
  const own = { advertise: "m1:8443", membership: () => undefined, onPromoted: () => {} };
  return { store, takeover: new Takeover({ store, lease, ...own, log }), waiting, known };
}

/** A request of a member that has heard of that rank from a service that has this CA's key. */
const heard = (rank: Rank, authority = EMPTY_CLUSTER.authority) => `/v1/head?${provenQuery(rank, authority)}`;
const OTHER = await makeAuthority("other", Date.now());

const claim = (term: number) => ({ service: "m2:8443", rank: { term, leader: "m2:8443" } });

test("what is handed over holds the grant that was being written", async () => {
  const { takeover, waiting, known } = deciding();
  const handed = takeover.replica("m2", claim(2));
  await turn();
  known.epoch = 2;
  for (const written of waiting) written();
  expect(await handed).toMatchObject({ state: { decides: false, term: 2 }, lease: { epoch: 2 } });
});

test("a candidate that is removed while it waits for its copy gets none, and its service is not listed", async () => {
  const { store, takeover, waiting } = deciding();
  const removing = store.inLine(() => store.keep(membership.remove(store.state, "m2")));
  const answer = takeover.replica("m2", { service: "m2:8443", rank: { term: 1, leader: "m1:8443" } });
  await removing;
  await turn();
  for (const written of waiting) written();
  expect(await answer).toBeNull();
  expect(store.state.services.map((each) => each.at)).toEqual(["m1:8443"]);
});

test("nobody gives way to a term that was made up", async () => {
  const { store, takeover, waiting } = deciding();
  const answer = takeover.replica("m2", claim(999_999_999_999_999));
  await turn();
  for (const written of waiting) written();
  await answer;
  expect(store.state).toMatchObject({ decides: true, term: EMPTY_CLUSTER.term });
});

test("a takeover that cannot be written leaves the one before deciding, also after a restart", async () => {
  const services = new Services(["m1", "m2"]);
  const m2 = services.get("m2");
  m2.isFull = true;
  expect(await m2.takeover.promote()).toBeNull();
  expect(services.deciding).toEqual(["m1"]);
  m2.isFull = false;
  m2.start();
  await services.settle();
  expect(services.deciding).toEqual(["m1"]);
  expect(await m2.takeover.promote()).toEqual({ term: 2, complete: true });
});

test.each([1, 2, 3, 4, 5])(
  "looks that come meanwhile take nothing from what is handed over, slowness %i",
  async (slow) => {
    let passed = 0;
    const services = new Services(["m1", "m2"], async () => {
      for (let i = (passed++ * slow) % 7; i > 0; i--) await turn();
    });
    const { takeover } = services.get("m2");
    let isOver = false;
    const promoting = takeover.promote().finally(() => {
      isOver = true;
    });
    while (!isOver) {
      void takeover.look();
      await turn();
    }
    expect(await promoting).toEqual({ term: 2, complete: true });
  },
);

test("of two that take over at the same moment one decides, under a rank of its own", async () => {
  const services = new Services(["m1", "m2", "m3"]);
  services.get("m1").isUp = false;
  const [a, b] = await Promise.all(["m2", "m3"].map((name) => services.get(name).takeover.promote()));
  expect([a, b].filter((each) => typeof each === "object")).toHaveLength(1);
  expect(services.deciding).toHaveLength(1);
});

test("only a service that decides, or takes over, is given a credential", async () => {
  const services = new Services(["m1", "m2", "m3"]);
  await services.settle();
  expect(new Set(services.told.splice(0))).toEqual(new Set(["m2 m1", "m3 m1"]));
  await services.get("m2").takeover.promote();
  await services.settle();
  expect(new Set(services.told)).toEqual(new Set(["m2 m1", "m1 m2", "m3 m2"]));
});

/** The service that decides removes that machine. */
async function remove(services: Services, name: string): Promise<boolean> {
  const by = services.all.find((each) => each.isUp && each.store.state.decides && each.name !== name);
  if (by === undefined) return false;
  return by.store.inLine(
    async () => by.store.state.decides && by.store.keep(membership.remove(by.store.state, name)),
  );
}

test("a removed machine whose service takes over brings nothing back, and leaves another one deciding", async () => {
  const services = new Services(["m1", "m2", "m3"]);
  services.get("m2").isUp = false;
  services.cut.add("m1 m3");
  await remove(services, "m3");
  expect(await services.get("m3").takeover.promote()).toMatchObject({ term: 2 });
  services.get("m2").start();
  await services.settle();
  services.cut.clear();
  await services.settle();
  expect(services.deciding).toEqual(["m1"]);
  for (const name of ["m1", "m2"])
    expect(services.get(name).store.state.members.map((each) => each.name)).toEqual(["m1", "m2"]);
});

test("however high a removed machine drives the term, the others copy on and take over", async () => {
  const services = new Services(["m1", "m2", "m3"]);
  const [m1, m2] = [services.get("m1"), services.get("m2")];
  await remove(services, "m3");
  for (let i = 0; i < 3; i++)
    await m1.answer(heard({ term: m1.store.state.term + 1000, leader: at("m3") }), "m3:m3");
  expect(services.deciding).toEqual(["m1"]);
  await services.settle();
  expect(m2.store.state.term).toBe(m1.store.state.term);
  expect(await m2.takeover.promote()).toMatchObject({ complete: true });
  await services.settle();
  expect(services.deciding).toEqual(["m2"]);
});

test.each(["", "&proof=", "&proof=AAAA", `&proof=${"A".repeat(86)}`, "other rank", "other cluster"])(
  "a term that a member made up takes no service out of its duty, proof %j",
  async (proof) => {
    const m1 = new Services(["m1", "m2"]).get("m1");
    const [known, made] = [
      { term: 2, leader: at("m2") },
      { term: 3, leader: at("m2") },
    ];
    const path = { "other rank": heard(known).replace("=2@", "=3@"), "other cluster": heard(made, OTHER) }[
      proof
    ];
    await m1.answer(path ?? `/v1/head?heard=3@${at("m2")}${proof}`, "m2:m2");
    expect(m1.store.state).toMatchObject({ decides: true, term: 1 });
  },
);

test("one that was away does not decide by its old copy where a member has heard of a newer one", async () => {
  const services = new Services(["m1", "m2"]);
  const [m1, m2] = [services.get("m1"), services.get("m2")];
  m1.isUp = false;
  await m2.takeover.promote();
  m2.isUp = false;
  m1.start();
  await services.settle();
  expect(services.deciding).toEqual(["m1"]);
  await m1.answer(heard({ term: 2, leader: at("m2") }), "m2:m2");
  expect(services.deciding).toEqual([]);
  m1.start();
  await services.settle();
  expect(services.deciding).toEqual([]);
  expect(await m1.takeover.promote()).toMatchObject({ term: 3 });
  m2.start();
  await services.settle();
  expect(services.deciding).toEqual(["m1"]);
});

const NAMES = ["m1", "m2", "m3"] as const;
const name = fc.constantFrom(...NAMES);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant("promote"), name) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom("crash", "start", "fill", "empty", "look", "remove"), name),
  },
  fc.tuple(fc.constantFrom("cut", "heal"), fc.constantFrom("m1 m2", "m1 m3", "m2 m3")),
);
type Step = [what: string, who: string];

/** One history, and what must be true in it. `order`: how long each message takes. */
class History {
  readonly services: Services;
  readonly #running: Promise<unknown>[] = [];
  readonly #removed = new Set<string>();
  #passed = 0;

  constructor(order: readonly number[]) {
    this.services = new Services(NAMES, () => this.#wait(order[this.#passed++ % order.length]));
  }

  async run(steps: readonly Step[]): Promise<void> {
    const terms = new Map<string, number>();
    for (const [what, who] of steps) {
      await this.#take(what, who);
      await this.#wait(this.#passed % 4);
      for (const { name, disk } of this.services.all) {
        expect(disk.term).toBeGreaterThanOrEqual(terms.get(name) ?? 0);
        terms.set(name, disk.term);
      }
    }
    await Promise.all(this.#running);
  }

  /** All are well, and hear each other. */
  async heal(): Promise<void> {
    this.services.cut.clear();
    for (const each of this.services.all) {
      each.isFull = false;
      if (!each.isUp) each.start();
    }
    await this.services.settle();
  }

  async #take(what: Step[0], who: string): Promise<void> {
    if (what === "cut") this.services.cut.add(who);
    if (what === "heal") this.services.cut.delete(who);
    const each = this.services.all.find(({ name }) => name === who);
    if (each === undefined) return;
    if (what === "crash") each.isUp = false;
    if (what === "start" && !each.isUp) each.start();
    if (what === "fill" || what === "empty") each.isFull = what === "fill";
    if (what === "look") this.#running.push(each.takeover.look());
    if (what === "remove" && this.#removed.size === 0 && (await remove(this.services, who)))
      this.#removed.add(who);
    if (what === "promote" && !this.#removed.has(who)) this.#running.push(this.#promote(each));
  }

  async #promote(each: SimulatedService): Promise<void> {
    const promoted = await each.takeover.promote();
    if (promoted !== null && typeof promoted === "object")
      expect(each.disk.term).toBeGreaterThanOrEqual(promoted.term);
  }

  async #wait(turns = 0): Promise<void> {
    for (let i = turns; i > 0; i--) await turn();
  }
}

test("whatever happens, terms only grow, a takeover is on disk before it is said, and one decides in the end", async () => {
  const orders = fc.array(fc.nat(5), { minLength: 1, maxLength: 7 });
  const property = fc.asyncProperty(fc.array(step, { maxLength: 14 }), orders, async (steps, order) => {
    const history = new History(order);
    await history.run(steps);
    await history.heal();
    const { deciding, all } = history.services;
    expect(deciding).toHaveLength(1);
    const highest = Math.max(...all.map(({ store }) => store.state.term));
    expect(history.services.get(deciding[0] ?? "").store.state.term).toBe(highest);
  });
  await fc.assert(property, { numRuns: times(1500) });
});
