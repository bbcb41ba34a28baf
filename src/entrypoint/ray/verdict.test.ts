import { describe, expect, test } from "vitest";
import { type Signs, type Snapshot, type Verdict, verdictOf } from "./verdict.ts";

const SERVES: Snapshot["gcs"] = { kind: "serves", clusterId: "1", alive: true };
const WELL: Snapshot = { gcs: SERVES, agent: "well", raylet: "running" };
const SILENT: Snapshot = { ...WELL, gcs: { kind: "silent", cause: "timeout" } };

/** The verdict after each of these looks in a row. */
function verdicts(role: "head" | "worker", looks: readonly Snapshot[]): Verdict[] {
  let signs: Signs = {};
  return looks.map((look) => {
    const judged = verdictOf(signs, look, role, "1");
    signs = judged.signs;
    return judged.verdict;
  });
}

const times = (count: number, look: Partial<Snapshot>): Snapshot[] =>
  Array.from({ length: count }, () => ({ ...WELL, ...look }));
const last = (role: "head" | "worker", looks: readonly Snapshot[]) => verdicts(role, looks).at(-1);
const well = { kind: "well" };

describe.each(["head", "worker"] as const)("a %s", (role) => {
  test("that is well stays so", () =>
    expect(verdicts(role, times(5, {}))).toEqual(times(5, {}).map(() => well)));

  test.each([
    ["raylet-gone", 3, { raylet: "gone" }],
    ["raylet-stopped", 3, { raylet: "stopped" }],
    ["agent-gone", 3, { agent: "gone" }],
    ["agent-unwell", 10, { agent: "unwell" }],
    ["declared-dead", 3, { gcs: { ...SERVES, alive: false } }],
  ] as const)(
    "%s: after %d looks in a row, not sooner, and not with a good one between",
    (kind, count, sign) => {
      expect(last(role, times(count - 1, sign))).toEqual(well);
      expect(last(role, times(count, sign))).toEqual({ kind: "fault", fault: { kind } });
      expect(last(role, [...times(count - 1, sign), WELL, ...times(count - 1, sign)])).toEqual(well);
    },
  );

  test("another cluster id is no doubt: at once", () => {
    const other: Snapshot = { ...WELL, gcs: { kind: "serves", clusterId: "2", alive: false } };
    const fault = { kind: "head-restarted", from: "1", to: "2" };
    expect(last(role, [other])).toEqual({ kind: "fault", fault });
  });

  test("an agent that is unwell for want of the GCS is not the fault", () => {
    const looks = times(20, { gcs: SILENT.gcs, agent: "unwell" });
    expect(last(role, looks)).not.toMatchObject({ fault: { kind: "agent-unwell" } });
  });

  test("an agent that nobody knows is no sign", () =>
    expect(last(role, times(50, { agent: "unknown" }))).toEqual(well));
});

describe("a silent GCS", () => {
  test("is the HEAD's own fault", () => {
    expect(last("head", [SILENT, SILENT])).toEqual(well);
    const fault = { kind: "gcs-hangs", cause: "timeout" };
    expect(last("head", [SILENT, SILENT, SILENT])).toEqual({ kind: "fault", fault });
  });

  test("is a WORKER's reason to look around, until it answers", () => {
    const lost = { kind: "head-out-of-reach", cause: "timeout" };
    expect(verdicts("worker", [SILENT, SILENT, SILENT, SILENT, WELL])).toEqual([
      well,
      well,
      lost,
      lost,
      well,
    ]);
  });
});
