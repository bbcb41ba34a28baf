import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LeaseRequest } from "../../common/lease-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { LeaseState } from "./lease-state.ts";
import { LeaseStore } from "./lease-store.ts";
import { withDeadlines } from "./store-deadline.ts";

const settings = { ttlMs: 15_000, sameNameAfterMs: 5000, askAgainMs: 2000, isCandidate: () => true };
const SAVE_MS = 700;

/** A disk that keeps what it is given, is full, or hangs until it is let go. */
class Disk {
  mode: "fine" | "full" | "hung" = "fine";
  kept: LeaseState | null = null;
  writes = 0;
  #waiting: (() => void)[] = [];

  readonly store = {
    file: "lease.json",
    recall: () => Promise.resolve(ok({ kind: "none" } as const)),
    save: async (state: LeaseState): Promise<Result<void, string>> => {
      this.writes += 1;
      if (this.mode === "hung") await new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (this.mode === "full") return err("no space left");
      this.kept = state;
      return ok(undefined);
    },
  };

  letGo(): void {
    this.mode = "fine";
    for (const go of this.#waiting.splice(0)) go();
  }
}

let disk: Disk;
let book: LeaseStore;

beforeEach(() => {
  vi.useFakeTimers();
  disk = new Disk();
  const store = withDeadlines(disk.store, { saveMs: SAVE_MS, recallMs: SAVE_MS });
  const now = () => performance.now();
  book = new LeaseStore({ instance: "i", lease: settings, store, now, log: () => {} }, { kind: "none" });
});
afterEach(() => {
  vi.useRealTimers();
});

function ask(node: string, more: Partial<LeaseRequest> = {}) {
  const life = `${node}-1`;
  const address = `${node}:6379`;
  return book.ask({ node, life, address, clusterId: null, epoch: null, others: "answered", ...more });
}

test("that a HEAD serves is written again where it could not be kept at once", async () => {
  await ask("cpu");
  disk.mode = "full";
  expect(await ask("cpu", { epoch: 1, clusterId: "abc" })).toMatchObject({ granted: true });
  expect(book.stored).toBe(false);
  disk.mode = "fine";
  await ask("cpu", { epoch: 1, clusterId: "abc" });
  expect([book.stored, disk.kept?.hold?.clusterId]).toEqual([true, "abc"]);
  const { writes } = disk;
  await ask("cpu", { epoch: 1, clusterId: "abc" });
  expect(disk.writes).toBe(writes);
});

test("so is a living HEAD that was recognised", async () => {
  disk.mode = "full";
  expect(await ask("cpu", { epoch: 7 })).toMatchObject({ granted: true, epoch: 7 });
  disk.mode = "fine";
  await ask("cpu", { epoch: 7 });
  expect([book.stored, disk.kept?.epoch]).toEqual([true, 7]);
});

test("a disk that hangs: the HEAD renews, nobody is granted, and what is kept in the end is what holds", async () => {
  await ask("cpu");
  await book.release({ node: "cpu", life: "cpu-1", epoch: 1 });
  disk.mode = "hung";
  const refused = ask("gpu");
  const behind = ask("cpu", { epoch: 1 });
  await vi.advanceTimersByTimeAsync(SAVE_MS);
  expect(await refused).toMatchObject({ granted: false, reason: "storage" });
  expect(await behind).toMatchObject({ granted: false, reason: "stale-epoch" });
  // No time passes any more: nothing waits for the disk a second time.
  expect(await ask("gpu")).toMatchObject({ granted: false, reason: "storage" });
  disk.letGo();
  await vi.advanceTimersByTimeAsync(0);
  expect(await ask("tpu")).toMatchObject({ granted: true, epoch: 2 });
  expect([book.stored, disk.kept?.hold?.node]).toEqual([true, "tpu"]);
});

test("a renewal does not wait for a disk that hangs", async () => {
  await ask("cpu");
  disk.mode = "hung";
  const serving = ask("cpu", { epoch: 1, clusterId: "abc" });
  await vi.advanceTimersByTimeAsync(SAVE_MS);
  expect(await serving).toMatchObject({ granted: true });
  expect(await ask("cpu", { epoch: 1, clusterId: "abc" })).toMatchObject({ granted: true });
});

test("D14 the view has the time until the lease ends, and the time since it ended", async () => {
  await ask("cpu");
  await vi.advanceTimersByTimeAsync(14_000);
  expect(book.view().holder).toMatchObject({ expiresIn: 1 });
  expect(book.view().holder).not.toHaveProperty("endedFor");
  await vi.advanceTimersByTimeAsync(3500);
  expect(book.view().holder).toMatchObject({ expiresIn: 0, endedFor: 2.5 });
});

test("A1 a running lease names the holder's life", async () => {
  await ask("cpu");
  expect([book.holderNamed("CPU"), book.holderNamed("gpu")]).toEqual(["cpu-1", undefined]);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(book.holderNamed("cpu")).toBeUndefined();
});

test("A1 how its holder is fenced is kept on the disk", async () => {
  await ask("cpu", { strict: false });
  expect(disk.kept?.hold?.strict).toBe(false);
  await ask("cpu", { epoch: 1, clusterId: "abc" });
  expect(disk.kept?.hold?.strict).toBe(true);
});

test("D14 the view says which node released the lease and how long ago, until another has it", async () => {
  await ask("cpu");
  await book.release({ node: "cpu", life: "cpu-1", epoch: 1 });
  await vi.advanceTimersByTimeAsync(1500);
  expect(book.view()).toMatchObject({
    holder: null,
    released: true,
    releasedBy: { node: "cpu", address: "cpu:6379", ago: 1.5 },
  });
  await ask("gpu");
  expect(book.view()).not.toHaveProperty("releasedBy");
});
