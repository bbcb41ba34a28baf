import { expect, test } from "vitest";
import { monotonicMs } from "../../common/deadline.ts";
import { Paced } from "./paced.ts";

test("B2 simultaneous requests get the same bytes, which are never older than the request", async () => {
  let made = 0;
  const text = new Paced(() => `${++made}`, monotonicMs);
  const [first, ...others] = await Promise.all(Array.from({ length: 100 }, () => text.get()));
  expect(others.every((each) => each === first)).toBe(true);
  expect([String(first), String(await text.get())]).toEqual(["1", "2"]);
});

test("B2 an expensive text takes at most a tenth of the time, however many requests come", async () => {
  let made = 0;
  const text = new Paced(() => {
    const until = monotonicMs() + 5;
    while (monotonicMs() < until) made += 0;
    made += 1;
    return "";
  }, monotonicMs);
  const began = monotonicMs();
  while (monotonicMs() - began < 300) await Promise.all([text.get(), text.get()]);
  expect(made).toBeGreaterThan(1);
  expect(made - 1).toBeLessThanOrEqual((monotonicMs() - began) / 50);
});
