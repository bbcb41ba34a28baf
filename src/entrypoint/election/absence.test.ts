import { expect, test } from "vitest";
import { Absence } from "./absence.ts";

test("D14 counts from the last sign of life, else from when the search began", () => {
  let nowMs = 1000;
  const absence = new Absence({ now: () => nowMs });
  nowMs = 6000;
  expect(absence.sinceMs(4000)).toBe(2000);
  absence.seen();
  nowMs = 9000;
  expect(absence.sinceMs(8500)).toBe(3000);
  absence.forget();
  expect(absence.sinceMs(8500)).toBe(500);
});
