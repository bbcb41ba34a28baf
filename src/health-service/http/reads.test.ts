import { expect, test } from "vitest";
import { monotonicMs } from "../../common/deadline.ts";
import { paced } from "./reads.ts";

test("B2 simultaneous requests get the same bytes, which are never older than the request", async () => {
  let made = 0;
  const text = paced(() => `${++made}`);
  const [first, ...others] = await Promise.all(Array.from({ length: 100 }, () => text()));
  expect(others.every((each) => each === first)).toBe(true);
  expect([String(first), String(await text())]).toEqual(["1", "2"]);
});

test.each([
  ["an expensive text takes at most a tenth of the time", 30, 300],
  ["a cheap one is made at most four times a second", 1, 250],
])("B2 %s, however many requests come", async (_, takesMs, restMs) => {
  let made = 0;
  const text = paced(() => {
    const until = monotonicMs() + takesMs;
    while (monotonicMs() < until) made += 0;
    made += 1;
    return "";
  });
  const began = monotonicMs();
  while (monotonicMs() - began < 2 * restMs) await Promise.all([text(), text()]);
  expect(made).toBeGreaterThan(1);
  expect(made - 1).toBeLessThanOrEqual((monotonicMs() - began) / restMs);
});
