import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../../test/fixtures/until.ts";
import type { Event } from "../../output/event.ts";
import type { StoreChoice } from "./choice.ts";
import type { Leadership } from "./leadership.ts";
import { StateFolder } from "./state-folder.ts";

let folder: string;
let events: Event[];
const NEVER = new AbortController().signal;
const LEADS: Leadership = { epoch: 4, soleSince: 4 };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "state-"));
  events = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string) => join(folder, name);
const rocksDb = (): StoreChoice => ({ kind: "rocksdb", folder: file("gcs") });
const open = (waitS = 0, tool = "flock") =>
  new StateFolder(folder, null, (event) => events.push(event), { waitS, tool });
const asides = () => readdirSync(folder).filter((name) => name.startsWith("gcs-aside-"));
const isLocked = () => spawnSync("flock", ["--nonblock", folder, "true"]).status === 1;

/** As an earlier life left it: its store, and what is noted of it. */
function kept(epoch: number | null = 3, clusterId = "ab"): void {
  mkdirSync(file("gcs"));
  writeFileSync(file("gcs/session_name"), "s");
  writeFileSync(file("gcs.json"), JSON.stringify({ epoch, clusterId }));
}

test("a life leaves its name for the next one alone, which gets it when it has the lock", async () => {
  rmSync(folder, { recursive: true });
  expect(await open().takeOver("life-1", NEVER)).toEqual({ ok: true, value: { life: null, epoch: null } });
  expect(statSync(file("life")).mode & 0o777).toBe(0o600);
  expect(isLocked()).toBe(true);
  // The first one's lock is gone with its process.
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  writeFileSync(file("life"), "life-1");
  kept();
  expect(await open().takeOver("life-2", NEVER)).toEqual({ ok: true, value: { life: "life-1", epoch: 3 } });
  expect(readFileSync(file("life"), "utf8")).toBe("life-2");
});

test("without a lock nothing proves the end of the former life", async () => {
  writeFileSync(file("life"), "life-1");
  expect(await open(0, "/nonexistent").takeOver("life-2", NEVER)).toMatchObject({ value: { life: null } });
});

test("a Ray that still uses the folder is waited for, and said", async () => {
  const holder = spawn("flock", [folder, "sleep", "60"], { stdio: "ignore", detached: true });
  await until("the lock", isLocked);
  expect(await open().takeOver("life-2", NEVER)).toMatchObject({ error: { reason: "state-taken" } });
  const waiting = open(10).takeOver("life-2", NEVER);
  await until("word of it", () => events.some(({ type }) => type === "state-taken"));
  process.kill(-(holder.pid ?? 0), "SIGKILL");
  expect(await waiting).toMatchObject({ ok: true });
});

test("a stop ends that wait, and changes nothing", async () => {
  const holder = spawn("flock", [folder, "sleep", "60"], { stdio: "ignore", detached: true });
  await until("the lock", isLocked);
  const stop = new AbortController();
  const waiting = open(60).takeOver("life-2", stop.signal);
  stop.abort();
  expect(await waiting).toMatchObject({ ok: true, value: { life: null } });
  expect(existsSync(file("life"))).toBe(false);
  process.kill(-(holder.pid ?? 0), "SIGKILL");
});

test.each<[string, Leadership, boolean]>([
  ["its node has led since without a break", { epoch: 9, soleSince: 3 }, true],
  ["another node has led since", { epoch: 9, soleSince: 4 }, false],
  ["nobody knows better than the node", { epoch: null, soleSince: null }, true],
  ["its epoch was the last one, as far as the service says", { epoch: 4, soleSince: null }, true],
  ["there were others, as far as the service says", { epoch: 5, soleSince: null }, false],
])("a store is used where %s: %o", (_, leadership, used) => {
  kept();
  const state = open();
  expect(state.lead(rocksDb(), leadership)).toBeNull();
  expect(existsSync(file("gcs"))).toBe(used);
  expect(asides()).toHaveLength(used ? 0 : 1);
  expect(state.serves("ef")).toBe(used ? "ab" : null);
  expect(JSON.parse(readFileSync(file("gcs.json"), "utf8"))).toEqual({
    epoch: leadership.epoch ?? 3,
    clusterId: "ef",
  });
});

test("a store of unknown epoch is used without a lease, or where nobody else may lead", () => {
  kept(null);
  expect(open().lead(rocksDb(), { epoch: 1, soleSince: 0 })).toBeNull();
  writeFileSync(file("gcs.json"), "");
  expect(open().lead(rocksDb(), { epoch: null, soleSince: null })).toBeNull();
  expect(asides()).toEqual([]);
  expect(open().lead(rocksDb(), { epoch: 1, soleSince: 1 })).toBeNull();
  expect(asides()).toHaveLength(1);
  expect(events).toMatchObject([{ type: "state-aside", why: "unknown" }]);
});

test("a store that has served and lost its session's name stops the start, and stays; one that never served does not", () => {
  kept(4);
  writeFileSync(file("gcs/session_name"), "");
  expect(open().lead(rocksDb(), LEADS)).toMatchObject({ reason: "store-failed", folder: file("gcs") });
  rmSync(file("gcs/session_name"));
  expect(open().lead(rocksDb(), LEADS)).toMatchObject({ saw: expect.stringContaining("session_name") });
  expect(existsSync(file("gcs"))).toBe(true);
  writeFileSync(file("gcs.json"), JSON.stringify({ epoch: 4, clusterId: null }));
  expect(open().lead(rocksDb(), LEADS)).toBeNull();
});

test("a HEAD whose lease gets a later epoch notes it for its store", () => {
  const state = open();
  state.lead(rocksDb(), LEADS);
  state.renewed(7);
  expect(JSON.parse(readFileSync(file("gcs.json"), "utf8"))).toMatchObject({ epoch: 7 });
});

test("where this node follows another HEAD, or leads without a store, the kept one is put aside; the last two stay", () => {
  for (const name of ["gcs-aside-1", "gcs-aside-2"]) mkdirSync(file(name));
  kept();
  open().follow();
  expect(events).toMatchObject([{ type: "state-aside", why: "follows" }]);
  expect(asides()).toHaveLength(2);
  expect(asides()).not.toContain("gcs-aside-1");
  kept();
  const state = open();
  expect(state.lead({ kind: "none", why: "off" }, LEADS)).toBeNull();
  expect(events[1]).toMatchObject({ type: "state-aside", why: "unused" });
  expect(existsSync(file("gcs"))).toBe(false);
  expect(state.serves("ef")).toBeNull();
});

test("the one that is put aside stays, also where the clock was set back since the last one", () => {
  for (const name of ["gcs-aside-9998", "gcs-aside-9999"]) mkdirSync(file(name));
  kept();
  open().follow();
  expect(asides()).toHaveLength(2);
  expect(asides()).not.toContain("gcs-aside-9998");
});

test("a store where nothing can be written stops the start, unless none is wanted", () => {
  kept();
  chmodSync(folder, 0o555);
  const nobody = { name: "nobody", uid: 65534, gid: 65534, groups: [], home: "/", shell: "/bin/sh" };
  const state = new StateFolder(folder, process.getuid?.() === 0 ? nobody : null, () => {});
  const refused = { reason: "state-unwritable", code: "EACCES" };
  expect(state.lead(rocksDb(), LEADS)).toMatchObject(refused);
  expect(state.lead({ kind: "none", why: "unwritable" }, LEADS)).toMatchObject(refused);
  expect(state.lead({ kind: "none", why: "off" }, LEADS)).toBeNull();
  chmodSync(folder, 0o755);
});
