import { expect, test, vi } from "vitest";
import { configOf } from "../../test/fixtures/config.ts";
import { granted, holder, refusal } from "../../test/fixtures/facts.ts";
import { realClock } from "../common/deadline.ts";
import type { LeaseRequest } from "../common/lease-protocol.ts";
import { ok } from "../common/result.ts";
import type { LeaseFact } from "./facts.ts";
import { LeaseKeeper, type LeaseKeeperSettings } from "./lease-keeper.ts";
import type { Trouble } from "./watch.ts";

function keeperOf(
  askLease: (request: LeaseRequest) => Promise<LeaseFact>,
  env: Record<string, string> = {},
  more: Partial<LeaseKeeperSettings> = {},
) {
  const releaseLease = vi.fn(async () => ok(undefined));
  const keeper = new LeaseKeeper({
    clock: realClock,
    config: configOf("a", { HEAD_WHITELIST: "a b", ...env }),
    client: { askLease, releaseLease },
    life: "a-1",
    onChange: () => {},
    onRenewed: () => {},
    onDeposed: () => {},
    ...more,
  });
  return { keeper, releaseLease };
}

test("the answer to a word that was sent before the release brings nothing back", async () => {
  const late = Promise.withResolvers<LeaseFact>();
  const answers = [Promise.resolve<LeaseFact>(granted(1)), late.promise];
  const { keeper } = keeperOf(() => answers.shift() ?? Promise.reject(new Error("asked too often")));
  await keeper.ask("answered");
  const renewal = keeper.ask("silent");
  await keeper.release();
  late.resolve(granted(1));
  await renewal;
  expect(keeper.held).toBe(false);
});

test("A6 a node names the cluster that it served while its Ray runs, and not while it looks for its next role", async () => {
  const asked: LeaseRequest[] = [];
  const { keeper } = keeperOf(async (request) => {
    asked.push(request);
    return granted(1);
  });
  keeper.serving("c1");
  await keeper.ask("silent");
  keeper.ended();
  await keeper.ask("silent");
  expect(asked.map(({ clusterId }) => clusterId)).toEqual(["c1", null]);
});

test("a node that has joined another HEAD asks for a new epoch next time, not to renew its own", async () => {
  const asked: LeaseRequest[] = [];
  const { keeper } = keeperOf(async (request) => {
    asked.push(request);
    return granted(1);
  });
  await keeper.ask("answered");
  keeper.follow();
  await keeper.ask("answered");
  expect(asked.map(({ epoch }) => epoch)).toEqual([null, null]);
  expect(asked[1]).toMatchObject({ seen: 1 });
});

test.each([
  ["strict", true],
  ["plain", false],
])("A1 what is asked says how this node is fenced: %s", async (fencing, strict) => {
  const asked: LeaseRequest[] = [];
  const { keeper } = keeperOf(
    async (request) => {
      asked.push(request);
      return granted(1);
    },
    { RAY_EP_FENCING: fencing },
  );
  await keeper.ask("silent");
  expect(asked).toMatchObject([{ strict }]);
});

test("strict: a lease too short to be safe is not taken; a HEAD that leads gives it back only when its Ray is gone", async () => {
  let ttl = 5;
  const { keeper, releaseLease } = keeperOf(async () => ({ ...granted(1), ttl }), {
    RAY_EP_FENCING: "strict",
  });
  expect(await keeper.ask("silent")).toMatchObject({ kind: "no-answer" });
  expect(releaseLease).toHaveBeenCalledOnce();

  ttl = 15;
  await keeper.ask("silent");
  keeper.keep();
  ttl = 5;
  expect(await keeper.ask("silent")).toMatchObject({ kind: "no-answer" });
  expect(releaseLease).toHaveBeenCalledOnce();
  expect(keeper.held).toBe(true);
  keeper.stop();
});

test("A1 strict: a HEAD whose epoch is over ends at its deadline, also where the holder bears its own name", async () => {
  let bootMs = 1000;
  const clock = { now: () => 0, bootMs: () => bootMs, pause: async () => bootMs < 60_000 };
  const lost = Promise.withResolvers<Trouble>();
  const answers: LeaseFact[] = [granted(1)];
  const { keeper } = keeperOf(
    async () => {
      bootMs += 1000;
      return answers.shift() ?? refusal("stale-epoch", { ...holder("a"), epoch: 2 });
    },
    { RAY_EP_FENCING: "strict" },
    { clock, onDeposed: lost.resolve },
  );
  await keeper.ask("silent");
  keeper.keep();
  expect(await lost.promise).toEqual({ kind: "lease-lost", forMs: 10_000 });
});

test("A5 the deadline of a lease counts from when the request was sent, and runs while the machine is suspended", async () => {
  let bootMs = 1000;
  // Timers and the other clock stop meanwhile.
  const clock = { now: () => 0, bootMs: () => bootMs, pause: async () => true };
  const onRenewed = vi.fn();
  const lost = Promise.withResolvers<Trouble>();
  const { keeper } = keeperOf(
    async () => {
      bootMs += 51_000;
      return granted(1);
    },
    { RAY_EP_FENCING: "strict" },
    { clock, onRenewed, onDeposed: lost.resolve },
  );
  await keeper.ask("silent");
  expect(onRenewed).toHaveBeenCalledExactlyOnceWith(11_000);
  keeper.keep();
  expect(await lost.promise).toEqual({ kind: "lease-lost", forMs: 51_000 });
});
