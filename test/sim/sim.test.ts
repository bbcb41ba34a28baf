import { expect, test } from "vitest";
import { runHistory } from "./history.ts";
import { runMany } from "./run-many.ts";

const MINUTE = 60_000;
const HISTORIES = 3000;

test(
  `${HISTORIES} histories of faults: one holder an epoch, epochs that grow, one HEAD in sight, one HEAD in the end`,
  async () => {
    const { histories, failures, coverage } = await runMany(1, HISTORIES);
    expect(failures.map(({ seed, violation }) => `${violation} → npm run sim -- --seed ${seed}`)).toEqual([]);
    expect(histories).toBe(HISTORIES);
    // A fault that never bites proves nothing.
    const never = Object.entries(coverage).filter(([, times]) => times === 0);
    expect(never.map(([what]) => what)).toEqual([]);
  },
  // Half a minute on two cores that do nothing else.
  10 * MINUTE,
);

test("a seed tells the same story each time", async () => {
  const first = await runHistory(42, true);
  expect(first.story.length).toBeGreaterThan(5);
  expect(await runHistory(42, true)).toEqual(first);
});
