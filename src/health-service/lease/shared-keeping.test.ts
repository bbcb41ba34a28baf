import { beforeEach, expect, test } from "vitest";
import type { LeaseRequest } from "../../common/protocol/lease-protocol.ts";
import { err, ok } from "../../common/result.ts";
import { startLease } from "./lease-state.ts";
import { LeaseStore } from "./lease-store.ts";
import { OwnKeeping, type OwnKeepingSettings } from "./own-keeping.ts";
import { type Found, SharedKeeping, type SharedText } from "./shared-keeping.ts";

const TTL_MS = 15_000;

/** A store in memory. */
const store = { text: null as string | null, version: 0, isDown: false, losesAnswers: false, writes: 0 };
const found = (): Found => ({ text: store.text, version: String(store.version) });
/** What others do between a read and the write that follows. */
let meanwhile: () => void;
const TEXT: SharedText = {
  at: "store",
  read: async () => (store.isDown ? err("no majority") : ok(found())),
  swap: async (before, text) => {
    meanwhile();
    store.writes += 1;
    if (store.isDown) return err("no majority");
    if (before.version !== String(store.version)) return ok(null);
    Object.assign(store, { text, version: store.version + 1 });
    return store.losesAnswers ? err("no answer") : ok(found());
  },
};

/** One of several services; its clock is its own. */
function service(clock = { ms: 0 }, heard = 0, file: OwnKeepingSettings["file"] = null) {
  const around = {
    ...{ file, log: () => {}, now: () => clock.ms },
    pause: async (ms: number) => {
      clock.ms += ms;
    },
  };
  const recalled = { kind: "kept", epoch: 0, highestEpochSeen: heard, hold: null } as const;
  const own = new OwnKeeping(startLease(recalled, 0, TTL_MS), around);
  const shared = new SharedKeeping({ ...around, store: TEXT, own, ttlMs: TTL_MS });
  const lease = new LeaseStore({
    ...around,
    shared,
    instance: "i",
    ttlMs: TTL_MS,
    recalled,
    isDuplicate: () => false,
  });
  const ask = (node: string, more: Partial<LeaseRequest> = {}) => {
    const request = { node, life: `${node}-1`, address: `${node}:6379`, clusterId: null, epoch: null };
    return lease.ask({ ...request, others: "answered", ...more });
  };
  return { lease, ask, clock };
}

beforeEach(() => {
  Object.assign(store, { text: null, version: 0, isDown: false, losesAnswers: false, writes: 0 });
  meanwhile = () => {};
});

test("a lease ends when this service has seen no renewal for its time, whatever the clock of the one that granted it says", async () => {
  const a = service({ ms: 5_000_000 });
  const b = service({ ms: 3 });
  await a.ask("n1");
  expect(await b.ask("n2")).toMatchObject({ reason: "held" });
  b.clock.ms += 10_000;
  await a.ask("n1", { epoch: 1 });
  b.clock.ms += TTL_MS - 1;
  expect(await b.ask("n2")).toMatchObject({ reason: "held" });
  // Only now did it see that renewal.
  b.clock.ms += TTL_MS - 1;
  expect(await b.ask("n2")).toMatchObject({ reason: "held" });
  b.clock.ms += 1;
  expect(await b.ask("n2")).toMatchObject({ granted: true, epoch: 2, soleSince: 2 });
});

test("what another service wrote meanwhile counts", async () => {
  const [a, b] = [service(), service()];
  let other: Promise<unknown> | undefined;
  meanwhile = () => {
    meanwhile = () => {};
    other = b.ask("n2");
  };
  const asked = await a.ask("n1");
  const answers = [asked, await other].map((each) => (each as { granted?: boolean }).granted);
  expect(answers.toSorted()).toEqual([false, true]);
});

test("a write whose answer is lost is read back", async () => {
  const a = service();
  store.losesAnswers = true;
  meanwhile = () => {
    if (store.version === 1) store.losesAnswers = false;
  };
  expect(await a.ask("n1")).toMatchObject({ granted: true, epoch: 1 });
});

test("without the store nothing is granted, renewed or shown, and why is said", async () => {
  const a = service();
  await a.ask("n1");
  store.isDown = true;
  const unavailable = { unavailable: "no majority" };
  expect(await a.ask("n1", { epoch: 1 })).toEqual(unavailable);
  expect(await a.lease.look()).toEqual(unavailable);
  expect(await a.lease.release({ node: "n1", life: "n1-1", epoch: 1 })).toEqual(unavailable);
  store.isDown = false;
  expect(await a.lease.look()).toBeNull();
});

test("a store that can be read, and takes no writes, is not asked without a pause", async () => {
  const a = service();
  await a.ask("n1");
  meanwhile = () => {
    a.clock.ms += 1;
    store.isDown = true;
    queueMicrotask(() => {
      store.isDown = false;
    });
  };
  store.writes = 0;
  expect(await a.ask("n1", { epoch: 1 })).toEqual({ unavailable: "no majority" });
  expect(store.writes).toBeGreaterThan(1);
  expect(store.writes).toBeLessThan(20);
});

test("a release, and that a node may come back, is seen by the others", async () => {
  const [a, b] = [service(), service()];
  await a.ask("n1", { clusterId: "c" });
  await a.lease.release({ node: "n1", life: "n1-1", epoch: 1, returning: true });
  await b.lease.look();
  expect(b.lease.view().holder).toMatchObject({ node: "n1", returning: true, expiresIn: 0 });
  await a.ask("n1");
  await a.lease.release({ node: "n1", life: "n1-1", epoch: 1 });
  await b.lease.look();
  expect(b.lease.view()).toMatchObject({ holder: null, released: true, releasedBy: { node: "n1" } });
});

test.each([0, 4])(
  "a store that has epoch %i where 7 was seen grants nothing until it is promoted",
  async (epoch) => {
    if (epoch > 0) store.text = JSON.stringify({ version: 1, epoch, sole: null, last: null });
    const [a, b] = [service({ ms: 0 }, 7), service()];
    const old = { granted: false, reason: "old-store", epoch: 7 };
    for (const more of [{}, { epoch: 7 }, { seen: 9 }])
      expect(await a.ask("n1", more)).toMatchObject({ ...old, epoch: more.seen ?? 7 });
    expect(await b.ask("n1", { seen: 7 })).toMatchObject(old);
    expect(await a.lease.promote()).toEqual({ epoch: 1009 });
    // A HEAD that still lives has its time.
    expect(await b.ask("n2")).toMatchObject({ reason: "quiet-period" });
    expect(b.lease.view().released).toBe(false);
    b.clock.ms += TTL_MS;
    expect(await b.ask("n2")).toMatchObject({ granted: true, epoch: 1010, soleSince: 1010 });
    expect(await b.lease.promote()).toEqual({ epoch: 1010 });
  },
);

test("what is no lease in the store is told, and left alone", async () => {
  store.text = "{}";
  expect(await service().ask("n1")).toEqual({
    unavailable: "what the store holds is no head lease of this program",
  });
});

test("the highest epoch is kept on the disk at once, and again where it could not be", async () => {
  let [isFull, kept] = [true, 0];
  const file: OwnKeepingSettings["file"] = {
    path: "lease.json",
    save: async ({ highestEpochSeen }) => {
      if (isFull) return err("no space left");
      kept = highestEpochSeen;
      return ok(undefined);
    },
  };
  const a = service({ ms: 0 }, 0, file);
  await a.ask("n1");
  isFull = false;
  await a.ask("n2");
  expect(kept).toBe(1);
  await a.lease.seeEpoch(7);
  expect(kept).toBe(7);
});
