import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LeaseRequest } from "../../common/protocol/lease-protocol.ts";
import type { NodeReport } from "../../common/protocol/report-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { Registry } from "../registry.ts";
import type { Memory } from "./lease-state.ts";
import { LeaseStore } from "./lease-store.ts";

const SETTINGS = {
  instance: "i",
  ttlMs: 15_000,
  recalled: { kind: "none" },
} as const;
/** After that a disk counts as hung. */
const SAVE_MS = 700;

/** A disk that keeps what it is given, is full, or hangs until it is let go. */
class Disk {
  readonly path = "lease.json";
  mode: "fine" | "full" | "hung" = "fine";
  kept: Memory | null = null;
  writes = 0;
  #waiting: (() => void)[] = [];

  async save(state: Memory): Promise<Result<void, string>> {
    this.writes += 1;
    if (this.mode === "hung") await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.mode === "full") return err("no space left");
    this.kept = state;
    return ok(undefined);
  }

  letGo(): void {
    this.mode = "fine";
    for (const go of this.#waiting.splice(0)) go();
  }
}

let disk: Disk;
let names: Registry;
let store: LeaseStore;

beforeEach(() => {
  vi.useFakeTimers();
  disk = new Disk();
  const now = () => performance.now();
  names = new Registry(45_000, () => false, now);
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const isDuplicate = (node: string, life: string) => names.isDuplicate(node, life);
  store = new LeaseStore({ ...SETTINGS, isDuplicate, file: disk, now, pause, log: () => {} });
});
afterEach(() => {
  vi.useRealTimers();
});

function ask(node: string, more: Partial<LeaseRequest> = {}) {
  const life = `${node}-1`;
  const address = `${node}:6379`;
  return store.ask({ node, life, address, clusterId: null, epoch: null, others: "answered", ...more });
}

test("that a HEAD serves is written again where it could not be kept at once", async () => {
  await ask("cpu");
  disk.mode = "full";
  expect(await ask("cpu", { epoch: 1, clusterId: "abc" })).toMatchObject({ granted: true });
  expect(store.stored).toBe(false);
  disk.mode = "fine";
  await ask("cpu", { epoch: 1, clusterId: "abc" });
  expect([store.stored, disk.kept?.hold?.clusterId]).toEqual([true, "abc"]);
  const { writes } = disk;
  await ask("cpu", { epoch: 1, clusterId: "abc" });
  expect(disk.writes).toBe(writes);
});

test("so is a living HEAD that was recognised", async () => {
  disk.mode = "full";
  expect(await ask("cpu", { epoch: 7 })).toMatchObject({ granted: true, epoch: 7 });
  disk.mode = "fine";
  await ask("cpu", { epoch: 7 });
  expect([store.stored, disk.kept?.epoch]).toEqual([true, 7]);
});

test("an epoch that a node names is kept with the next grant, not by itself: no report waits for a disk", async () => {
  disk.mode = "full";
  await store.seeEpoch(7);
  expect([disk.writes, store.stored]).toEqual([0, true]);
  disk.mode = "fine";
  expect(await ask("cpu")).toMatchObject({ granted: true, epoch: 8 });
  expect(disk.kept?.highestEpochSeen).toBe(8);
});

test("of two that ask at once the second is answered when the first one's grant is kept", async () => {
  disk.mode = "hung";
  const both = [ask("cpu"), ask("gpu")];
  await vi.advanceTimersByTimeAsync(0);
  disk.letGo();
  const held = { granted: false, reason: "held", holder: { node: "cpu" } };
  expect(await Promise.all(both)).toMatchObject([{ granted: true, epoch: 1 }, held]);
});

test("a disk that hangs: the HEAD renews, nobody is granted, and what is kept in the end is what holds", async () => {
  await ask("cpu");
  await store.release({ node: "cpu", life: "cpu-1", epoch: 1 });
  disk.mode = "hung";
  const refused = ask("gpu");
  const behind = ask("cpu", { epoch: 1 });
  await vi.advanceTimersByTimeAsync(SAVE_MS);
  expect(await refused).toMatchObject({ granted: false, reason: "storage" });
  expect(await behind).toMatchObject({ granted: false, reason: "stale-epoch" });
  // No time passes any more: nothing waits for the disk a second time.
  expect(await ask("gpu")).toMatchObject({ granted: false, reason: "storage" });
  expect(disk.writes).toBe(3);
  disk.letGo();
  await vi.advanceTimersByTimeAsync(0);
  expect(await ask("tpu")).toMatchObject({ granted: true, epoch: 2 });
  expect([store.stored, disk.kept?.hold?.node]).toEqual([true, "tpu"]);
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
  expect(store.view().holder).toMatchObject({ expiresIn: 1 });
  expect(store.view().holder).not.toHaveProperty("endedFor");
  await vi.advanceTimersByTimeAsync(3500);
  expect(store.view().holder).toMatchObject({ expiresIn: 0, endedFor: 2.5 });
});

test("A1 another life of the holder's name is told that it is a duplicate once the registry has seen both alive", async () => {
  const report: NodeReport = {
    ...{ life: "cpu-1", role: null, state: "deciding", head: null, advertise: null, nodeManagerPort: null },
  };
  const next = { life: "cpu-2" };
  await ask("cpu");
  for (const life of ["cpu-1", "cpu-2"]) names.note("cpu", { ...report, life }, "10.0.0.1");
  expect(await ask("cpu", next)).toMatchObject({ granted: false, reason: "same-name" });
  for (let i = 0; i < 2; i++) names.note("CPU", report, "10.0.0.1");
  expect(await ask("cpu", next)).toMatchObject({ granted: false, reason: "duplicate-name" });
});

test("A1 the life that was granted the lease last owns its name", async () => {
  const owns = (node: string) => store.isLastHolder(node.toUpperCase(), `${node}-1`);
  expect(owns("cpu")).toBe(false);
  await ask("cpu");
  await ask("gpu");
  expect([owns("cpu"), owns("gpu"), store.isLastHolder("cpu", "cpu-2")]).toEqual([true, false, false]);
  await store.release({ node: "cpu", life: "cpu-1", epoch: 1 });
  expect(owns("cpu")).toBe(true);
  await ask("gpu");
  expect([owns("cpu"), owns("gpu")]).toEqual([false, true]);
});

test("A1 how its holder is fenced is kept on the disk", async () => {
  await ask("cpu", { strict: false });
  expect(disk.kept?.hold?.strict).toBe(false);
  await ask("cpu", { epoch: 1, clusterId: "abc" });
  expect(disk.kept?.hold?.strict).toBe(true);
});

test("D14 the view says which node released the lease and how long ago, until another has it", async () => {
  await ask("cpu");
  await store.release({ node: "cpu", life: "cpu-1", epoch: 1 });
  await vi.advanceTimersByTimeAsync(1500);
  expect(store.view()).toMatchObject({
    holder: null,
    released: true,
    releasedBy: { node: "cpu", address: "cpu:6379", ago: 1.5 },
  });
  await ask("gpu");
  expect(store.view()).not.toHaveProperty("releasedBy");
});

test.each([
  ["lenient", false, { granted: true, epoch: 2 }],
  ["strict", true, { granted: false, reason: "held" }],
])("the lease of a %s HEAD that is removed ends as its Ray does", async (_, strict, next) => {
  await ask("cpu", { strict });
  await store.end("gpu");
  expect(await ask("gpu")).toMatchObject({ granted: false, reason: "held" });
  await store.end("CPU");
  expect(await ask("gpu")).toMatchObject(next);
});

test("one that takes over from another service gives the last holder its full time, from then on", async () => {
  await ask("cpu");
  const memory = store.memory();
  vi.advanceTimersByTime(SETTINGS.ttlMs);
  await store.restore({ ...memory, highestEpochSeen: 1001 });
  expect(disk.kept?.highestEpochSeen).toBe(1001);
  expect(await ask("gpu")).toMatchObject({ granted: false, reason: "held" });
  expect(await ask("cpu", { epoch: 1 })).toMatchObject({ granted: true, epoch: 1 });
  vi.advanceTimersByTime(SETTINGS.ttlMs);
  expect(await ask("gpu")).toMatchObject({ granted: true, epoch: 1002 });
});
