import { beforeAll, expect, test } from "vitest";
import { times } from "../fixtures/thorough.ts";
import { runHistory } from "./history.ts";
import { runMany, type Totals } from "./run-many.ts";

const MINUTE = 60_000;
/** CI names how many. */
const HISTORIES = Number(process.env.HISTORIES ?? times(3000));

let totals: Totals;
// All of them take half a minute on two cores that do nothing else.
beforeAll(async () => {
  totals = await runMany(1, HISTORIES);
}, 10 * MINUTE);

test(`${HISTORIES} histories of faults: one holder an epoch, epochs that grow, one HEAD in sight, one HEAD in the end`, () => {
  const { histories, failures } = totals;
  expect(failures.map(({ seed, violation }) => `${violation} → npm run sim -- --seed ${seed}`)).toEqual([]);
  expect(histories).toBe(HISTORIES);
});

// A fault that never bites proves nothing; a few histories do not hold the rarest ones.
test.runIf(HISTORIES >= 3000)("each fault bites in some of them", () => {
  const never = Object.entries(totals.coverage).filter(([, count]) => count === 0);
  expect(never.map(([what]) => what)).toEqual([]);
});

test("a seed tells the same story each time", async () => {
  const first = await runHistory(42, true);
  expect(first.story.length).toBeGreaterThan(5);
  expect(await runHistory(42, true)).toEqual(first);
});
