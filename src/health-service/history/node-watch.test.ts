import { expect, test } from "vitest";
import { statusOf } from "../../../test/fixtures/status.ts";
import type { NodeReport } from "../../common/protocol/report-protocol.ts";
import type { Happening } from "./happening.ts";
import { NodeLogs } from "./node-logs.ts";
import { NodeWatch } from "./node-watch.ts";

const report = (more: Partial<NodeReport> = {}): NodeReport => ({
  ...{
    life: "life-1",
    role: "worker",
    state: "watching",
    head: null,
    advertise: "10.0.0.2",
    nodeManagerPort: null,
  },
  status: statusOf("gpu", []),
  ...more,
});
const fault = { reason: "raylet-gone", words: "The raylet is gone", at: 1 };
const troubled = { ...statusOf("gpu", []), restarts: 2, fault };
const failed = { ...troubled, failure: { reason: "ray-exited", exitCode: 1 } };

const brief = (happenings: readonly Happening[]) =>
  happenings.map(({ kind, ...rest }) => `${kind}${"reason" in rest ? ` ${rest.reason}` : ""}`);

/** Each step: when, and what is reported; null: nobody reports, and the service looks. */
test.each<[string, [number, NodeReport | null, boolean?][], string[]]>([
  ["goes on", [[2000, report()]], []],
  [
    "falls silent once and is back",
    [
      [5900, null],
      [6100, null],
      [7200, null],
      [9000, report()],
    ],
    ["silent", "back"],
  ],
  [
    "restarts its Ray",
    [
      [2000, report({ status: troubled })],
      [4000, report({ status: troubled })],
    ],
    ["restarted raylet-gone"],
  ],
  [
    "is another process",
    [
      [3000, report({ life: "life-2" }), false],
      [5000, report({ life: "life-2" })],
    ],
    ["restarted new-process"],
  ],
  [
    "stops, is not silent, and comes back",
    [
      [1000, report({ state: "stopped" })],
      [20_000, null],
      [30_000, report({ life: "life-2" })],
    ],
    ["stopped", "back"],
  ],
  [
    "fails for good",
    [
      [1000, report({ state: "stopped", status: failed })],
      [3000, report({ state: "stopped", status: failed })],
    ],
    ["restarted raylet-gone", "failed ray-exited"],
  ],
  [
    "has a namesake",
    [
      [1000, report({ life: "x", state: "stopped" }), false],
      [2000, report()],
    ],
    [],
  ],
])("a node that %s", (_, steps, expected) => {
  const watch = new NodeWatch(() => false);
  expect(brief(watch.heard("gpu", report(), true, 0))).toEqual(["joined"]);
  const seen = steps.flatMap(([atMs, said, isOwner = true]) =>
    said === null ? watch.silent(atMs) : watch.heard("GPU", said, isOwner, atMs),
  );
  expect(brief(seen)).toEqual(expected);
});

test("a node that is known from before has not joined, and one that is forgotten joins anew", () => {
  const watch = new NodeWatch((name) => name === "cpu");
  expect(watch.heard("cpu", report(), true, 0)).toEqual([]);
  watch.heard("gpu", report(), true, 0);
  watch.forget("gpu");
  expect(brief(watch.heard("gpu", report(), true, 0))).toEqual(["joined"]);
});

test("a node that is lost is shown for an hour as it last was, and one that ended is not", () => {
  const watch = new NodeWatch(() => false);
  watch.heard("gpu", report(), true, 0);
  watch.heard("cpu", report({ state: "stopped" }), true, 0);
  expect(watch.lost(5000)).toEqual([]);
  watch.silent(60_000);
  const { life: _, ...last } = report();
  expect(watch.lost(60_000)).toEqual([{ name: "gpu", seenAgo: 60, ...last, silent: true }]);
  expect(watch.lost(3_600_000)).toEqual([]);
});

test("of each log the last 50 lines are kept, each once, over lives of the node too", () => {
  const logs = new NodeLogs();
  const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `line ${from + i}`);
  expect(logs.of("gpu")).toBeUndefined();
  logs.take("gpu", { life: "1", log: { first: 0, lines: lines(0, 40) } });
  logs.take("gpu", { life: "1", log: { first: 30, lines: lines(30, 45) } });
  logs.take("GPU", { life: "1" });
  expect(logs.of("gpu")).toEqual({ node: "gpu", first: 0, lines: lines(0, 45) });
  logs.take("gpu", { life: "2", log: { first: 0, lines: lines(45, 60) } });
  expect(logs.of("Gpu")).toEqual({ node: "Gpu", first: 10, lines: lines(10, 60) });
  for (let i = 0; i < 1000; i++) logs.take(`n${i}`, { life: "1", log: { first: 7, lines: ["x"] } });
  expect([logs.of("gpu"), logs.of("n0")?.first]).toEqual([undefined, 0]);
});

test.each([
  ["works", report({ status: troubled }), []],
  ["stopped", report({ state: "stopped" }), ["stopped"]],
  ["failed", report({ state: "stopped", status: failed }), ["failed ray-exited"]],
])("a node that is known %s by its first report after the service's start", (_, first, told) => {
  const watch = new NodeWatch(() => true);
  expect(brief(watch.heard("gpu", first, true, 0))).toEqual(told);
});
