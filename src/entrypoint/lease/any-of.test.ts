import { expect, test } from "vitest";
import { granted, REPORT, REQUEST } from "../../../test/fixtures/facts.ts";
import { realClock } from "../../common/deadline.ts";
import type { ReportFact } from "../election/facts.ts";
import { anyOf } from "./any-of.ts";
import type { HealthClient } from "./health-client.ts";
import { NO_SERVICE } from "./without-lease.ts";

const DOWN: HealthClient = {
  ...NO_SERVICE,
  look: async () => ({ kind: "down", ms: 0, attempts: 1, cause: "answers 503 no majority" }),
  askLease: async () => ({ kind: "no-answer", cause: "answers 503 no majority" }),
  report: async () => ({ kind: "no-answer", cause: "answers 503 no majority" }),
};
const noted = (instance: string): ReportFact => ({ kind: "noted", instance, hasDuplicate: false, epoch: 1 });
test("one service is asked as ever", () => {
  expect(anyOf([DOWN], realClock)).toBe(DOWN);
});

test("a service that cannot say how the lease stands makes the node go on to the next", async () => {
  const good: HealthClient = { ...DOWN, askLease: async () => granted() };
  expect(await anyOf([DOWN, good], realClock).askLease(REQUEST, 500)).toMatchObject({ kind: "granted" });
});

test("where none can, the causes of all are told", async () => {
  const all = anyOf([DOWN, DOWN], realClock);
  const cause = "answers 503 no majority; answers 503 no majority";
  expect(await all.askLease(REQUEST, 500)).toEqual({ kind: "no-answer", cause });
  expect(await all.look(500)).toMatchObject({ kind: "down", cause });
});

test("a report goes to every service; another one that forgot shows as another instance", async () => {
  const told: string[] = [];
  const lives = { a: "a1", b: "b1" };
  const service = (name: "a" | "b"): HealthClient => ({
    ...DOWN,
    report: async () => {
      told.push(name);
      return noted(lives[name]);
    },
  });
  const all = anyOf([service("a"), service("b"), DOWN], realClock);
  const instance = async () => (await all.report("n", REPORT, 500)) as { instance: string };
  await instance();
  const before = await instance();
  expect(before.instance).toContain("a1 b1");
  expect(told).toEqual(["a", "b", "a", "b"]);
  lives.b = "b2";
  await instance();
  expect((await instance()).instance).toContain("a1 b2");
});
