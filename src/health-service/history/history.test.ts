import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/fixtures/until.ts";
import { MAX_EVENTS } from "../../common/protocol/kept-events.ts";
import { History } from "./history.ts";
import { HistoryFile } from "./history-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "history-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const granted = {
  type: "granted",
  how: "grant",
  life: "x",
  address: "a:1",
  before: null,
  headlessMs: 31_040,
} as const;
const led = (history: History) =>
  history
    .after(0)
    .flatMap((event) =>
      event.kind === "led" ? [[event.node, event.why, event.before, event.headlessS]] : [],
    );

test("who leads, and why: first, after another one, once more, after a promotion, and a service that forgot", () => {
  const history = new History();
  history.hear({ ...granted, node: "cpu", epoch: 1, headlessMs: null });
  history.hear({ ...granted, how: "recognition", node: "cpu", epoch: 1 });
  history.hear({ ...granted, node: "gpu", epoch: 2, before: "cpu" });
  history.hear({ type: "released", node: "gpu", epoch: 2, returning: false });
  history.hear({ ...granted, node: "GPU", epoch: 3 });
  history.hear({ type: "promoted", term: 2, complete: true });
  history.hear({ ...granted, node: "cpu", epoch: 9, before: "GPU" });
  history.hear({ ...granted, how: "adoption", node: "cpu", epoch: 9 });
  history.hear({ ...granted, how: "adoption", node: "big", epoch: 12 });
  expect(led(history)).toEqual([
    ["cpu", "first", null, null],
    ["gpu", "takeover", "cpu", 31],
    ["GPU", "returned", "gpu", 31],
    ["cpu", "promoted", "GPU", 31],
    ["big", "recognised", "cpu", 31],
  ]);
  expect(history.after(0).map(({ kind }) => kind)).toContain("gave-back");
});

test("refusals are noted once in ten minutes each, and strangers cannot push the rest out", () => {
  let nowMs = 1e12;
  const history = new History({ wallNow: () => nowMs });
  const refuse = (node: string) =>
    history.hear({ type: "join-refused", node, address: "a", reason: "expired", message: "it ended" });
  history.note({ kind: "silent", node: "cpu" });
  for (let i = 0; i < 2000; i++) refuse(`stranger-${i}`);
  for (let i = 0; i < 3; i++) refuse("stranger-0");
  expect(history.after(0)).toHaveLength(11);
  nowMs += 10 * 60_000;
  refuse("stranger-0");
  expect(history.after(0)).toHaveLength(12);
  expect(history.tally.get("refused")).toEqual(new Map([["join expired", 2004]]));
  history.hear({ type: "refused", node: "cpu", reason: "held", message: "" });
  expect(history.after(0)).toHaveLength(12);
});

test("a node in a crash loop pushes out its own events alone, from the file too", async () => {
  const file = new HistoryFile(folder, () => {});
  const history = new History({ keep: (...kept) => file.keep(...kept) });
  history.hear({ ...granted, node: "cpu", epoch: 1, headlessMs: null });
  history.note({ kind: "joined", node: "gpu", address: null });
  for (let restarts = 1; restarts <= 3 * MAX_EVENTS; restarts++) {
    history.note({ kind: "restarted", node: "gpu", reason: "ray-exited", restarts });
    if (restarts % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const seen = (events: ReturnType<History["after"]>) => [
    ...events.slice(0, 3).map((event) => ("restarts" in event ? event.restarts : event.kind)),
    events.length,
  ];
  expect(seen(history.after(0))).toEqual(["led", "joined", 2 * MAX_EVENTS + 3, MAX_EVENTS]);
  const path = join(folder, "events.jsonl");
  const last = `"restarts":${3 * MAX_EVENTS}}\n`;
  await until("the last line", () => readFileSync(path, "utf8").endsWith(last));
  expect(await new HistoryFile(folder, () => {}).read()).toEqual(history.after(0));
});

test("who led last is kept, however many nodes have news", () => {
  const history = new History();
  history.hear({ ...granted, node: "cpu", epoch: 1, headlessMs: null });
  for (let i = 0; i < 2 * MAX_EVENTS; i++) history.note({ kind: "silent", node: `n${i}` });
  expect(history.after(0).map(({ kind }) => kind)).toEqual(["led", ...Array(MAX_EVENTS - 1).fill("silent")]);
});

test("ids grow though the clock goes back, and a reader asks for what came after one", () => {
  let nowMs = 2e12;
  const history = new History({ wallNow: () => (nowMs -= 1000) });
  for (const node of ["a", "b", "c"]) history.note({ kind: "silent", node });
  const ids = history.after(0).map(({ id }) => id);
  expect(ids).toEqual([2e12 - 1000, 2e12 - 999, 2e12 - 998]);
  expect(history.after(ids[0] ?? 0).map(({ node }) => node)).toEqual(["b", "c"]);
  expect(history.after(0, 1).map(({ node }) => node)).toEqual(["c"]);
});

test("the file outlives damage and a torn line, is its user's alone, and does not grow without end", async () => {
  const failures: string[] = [];
  const open = async () => {
    const file = new HistoryFile(folder, (_, cause) => failures.push(cause));
    return new History({ events: await file.read(), keep: (...kept) => file.keep(...kept) });
  };
  const path = join(folder, "events.jsonl");
  const lines = () => readFileSync(path, "utf8").split("\n").length - 1;
  const first = await open();
  for (const node of ["a", "b"]) first.note({ kind: "silent", node });
  await until("both lines", () => statSync(path, { throwIfNoEntry: false }) !== undefined && lines() === 2);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  appendFileSync(path, 'no JSON\n{"id":1}\n{"id":99,"kind":"sil');
  const second = await open();
  expect(second.after(0).map(({ node }) => node)).toEqual(["a", "b"]);
  for (let i = 0; i < 3 * MAX_EVENTS; i++) {
    second.note({ kind: "silent", node: `n${i}` });
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const last = `"node":"n${3 * MAX_EVENTS - 1}"}\n`;
  await until("the last line", () => readFileSync(path, "utf8").endsWith(last));
  expect(lines()).toBeLessThan(2 * MAX_EVENTS);
  expect((await open()).after(0)).toEqual(second.after(0));
  expect(failures).toEqual([]);
});

test("a folder that cannot be used is told, and the history goes on in memory", async () => {
  writeFileSync(join(folder, "events.jsonl"), "");
  const failures: string[] = [];
  const file = new HistoryFile(join(folder, "events.jsonl"), (path) => failures.push(path));
  const history = new History({ events: await file.read(), keep: (...kept) => file.keep(...kept) });
  history.note({ kind: "silent", node: "a" });
  await until("a failure", () => failures.length > 0);
  expect(history.after(0)).toHaveLength(1);
});
