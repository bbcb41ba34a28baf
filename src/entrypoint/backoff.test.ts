import { describe, expect, test } from "vitest";
import { EVERY_FAILURE } from "../../test/fixtures/failures.ts";
import type { Failure } from "../common/failure.ts";
import { afterEnd, type Ended, type History, NEWBORN } from "./backoff.ts";

const MEMBER: History = { member: true, recent: 0, followed: 0 };
const fault = (kind: "agent-gone" | "declared-dead"): Ended => ({ kind: "fault", fault: { kind } });
const failed = (reason: Failure["reason"]): Ended => ({ kind: "failed", failure: EVERY_FAILURE[reason] });
const restarted: Ended = { kind: "fault", fault: { kind: "head-restarted", from: "1", to: "2" } };
const superseded: Ended = { kind: "fault", fault: { kind: "superseded", by: "a", epoch: 2 } };
const moved: Ended = { kind: "moved", outcome: { kind: "stopped" } };

/** The delays of a node to which the same thing happens again and again, without any time between. */
function delays(ended: Ended, times: number): number[] {
  let history = MEMBER;
  return Array.from({ length: times }, () => {
    const next = afterEnd(ended, history, 0, null);
    if (next.kind !== "again") throw new Error(`it ended: ${next.kind}`);
    history = next.history;
    return next.delayMs;
  });
}

test("a stop that was asked for is the end", () => {
  expect(afterEnd({ kind: "stopped" }, MEMBER, 0, null)).toEqual({ kind: "stopped" });
});

test.each((Object.keys(EVERY_FAILURE) as Failure["reason"][]).filter((each) => each !== "raylet-ended"))(
  "a node that never worked ends with %s",
  (reason) => {
    expect(afterEnd(failed(reason), NEWBORN, 0, null)).toMatchObject({ kind: "failed", failure: { reason } });
  },
);

test.each(Object.keys(EVERY_FAILURE) as Failure["reason"][])("one that did work, after %s", (reason) => {
  const passing =
    "no-head-in-time ray-exited raylet-ended not-ready-in-time port-taken state-unwritable store-failed no-guard";
  const passes = passing.split(" ").includes(reason);
  expect(afterEnd(failed(reason), MEMBER, 0, null).kind).toBe(passes ? "again" : "failed");
});

const rayExited = (ranMs: number): Ended => ({
  kind: "failed",
  failure: { reason: "ray-exited", exitCode: 1, signal: null, ranMs },
});

test.each([
  ["Ray was too slow to start", 2, rayExited(31_000)],
  ["raylet ended", 4, failed("raylet-ended")],
  ["Ray refused at once", 0, rayExited(2000)],
])("a newborn whose %s tries again so often: %i", (_, tries, end) => {
  let history = NEWBORN;
  const kinds = Array.from({ length: tries + 1 }, () => {
    const next = afterEnd(end, history, 0, null);
    if (next.kind === "again") history = next.history;
    return next.kind;
  });
  expect(kinds).toEqual([...Array(tries).fill("again"), "failed"]);
});

describe("how soon", () => {
  test("at once, then later and later, up to 30 s", () => {
    expect(delays(fault("agent-gone"), 8)).toEqual([0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  test.each([
    ["restarted", restarted],
    ["has a successor", superseded],
    ["is elsewhere", moved],
  ])("a HEAD that %s is followed within half a second, every time", (_, ended) => {
    expect(delays(ended, 5)).toEqual([0, 500, 500, 500, 500]);
  });

  test("a calm minute forgets what was before, a busy one does not", () => {
    const tired: History = { member: true, recent: 5, followed: 0 };
    expect(afterEnd(fault("declared-dead"), tired, 59_999, null)).toMatchObject({ delayMs: 16_000 });
    expect(afterEnd(fault("declared-dead"), tired, 60_000, null)).toMatchObject({ delayMs: 0 });
  });

  test("restarts that followed another node do not slow down the one whose cause is here", () => {
    const next = afterEnd(fault("agent-gone"), { member: true, recent: 0, followed: 9 }, 0, null);
    expect(next).toMatchObject({ delayMs: 0 });
    expect(afterEnd(fault("agent-gone"), { member: true, recent: 1, followed: 2 }, 0, 3).kind).toBe("failed");
  });

  test("a start that fails only after minutes was no calm minute", () => {
    expect(delays(failed("not-ready-in-time"), 4)).toEqual([0, 1000, 2000, 4000]);
  });

  test("a member that looked for a HEAD in vain goes on looking at once", () => {
    expect(delays(failed("no-head-in-time"), 4)).toEqual([0, 500, 500, 500]);
  });

  test("a node whose Ray does not start, three times in a row, is no HEAD for its cluster", () => {
    const aside = (ended: Ended, recent: number) => {
      const next = afterEnd(ended, { member: true, recent, followed: 0 }, 0, null);
      return next.kind === "again" && next.yieldLead;
    };
    expect([0, 1, 2, 3].map((recent) => aside(failed("ray-exited"), recent))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(aside(fault("agent-gone"), 5)).toBe(false);
  });
});

test("RAY_EP_MAX_RESTARTS is the end, and the count is named", () => {
  const tired: History = { member: true, recent: 3, followed: 0 };
  expect(afterEnd(fault("agent-gone"), tired, 0, 4).kind).toBe("again");
  expect(afterEnd(fault("agent-gone"), tired, 0, 3)).toEqual({
    kind: "failed",
    failure: { reason: "too-many-restarts", restarts: 3 },
  });
});
