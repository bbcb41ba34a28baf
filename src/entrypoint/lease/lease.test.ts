import { expect, test, vi } from "vitest";
import { configOf } from "../../../test/fixtures/config.ts";
import { granted, holder, refusal } from "../../../test/fixtures/facts.ts";
import { type Clock, realClock } from "../../common/deadline.ts";
import type { LeaseRequest } from "../../common/protocol/lease-protocol.ts";
import { ok } from "../../common/result.ts";
import type { LeaseFact } from "../election/facts.ts";
import type { Fault } from "../ray/verdict.ts";
import { Lease, type LeaseSettings } from "./lease.ts";
import { NO_SERVICE } from "./without-lease.ts";

function leaseOf(
  askLease: (request: LeaseRequest) => Promise<LeaseFact>,
  env: Record<string, string> = {},
  { clock = realClock, ...more }: Partial<LeaseSettings> & { clock?: Clock } = {},
) {
  const releaseLease = vi.fn(async () => ok(undefined));
  const lease = new Lease(
    {
      config: configOf("a", { HEAD_WHITELIST: "a b", ...env }),
      runId: "a-1",
      onRenewed: () => {},
      onLost: () => {},
      ...more,
    },
    { clock, health: { ...NO_SERVICE, askLease, releaseLease }, log: () => {} },
  );
  return { lease, releaseLease };
}

test("the answer to a request that was sent before the release brings nothing back", async () => {
  const late = Promise.withResolvers<LeaseFact>();
  const answers = [Promise.resolve<LeaseFact>(granted(1)), late.promise];
  const { lease } = leaseOf(() => answers.shift() ?? Promise.reject(new Error("asked too often")));
  await lease.ask("answered");
  const renewal = lease.ask("silent");
  await lease.release();
  late.resolve(granted(1));
  await renewal;
  expect(lease.heldEpoch).toBeNull();
});

test("A6 a node names the cluster that it served while its Ray runs, and not while it looks for its next role", async () => {
  const asked: LeaseRequest[] = [];
  const { lease } = leaseOf(async (request) => {
    asked.push(request);
    return granted(1);
  });
  lease.serving("c1");
  await lease.ask("silent");
  lease.ended();
  await lease.ask("silent");
  expect(asked.map(({ clusterId }) => clusterId)).toEqual(["c1", null]);
});

test("a node that has joined another HEAD asks for a new epoch next time, not to renew its own", async () => {
  const asked: LeaseRequest[] = [];
  const { lease } = leaseOf(async (request) => {
    asked.push(request);
    return granted(1);
  });
  await lease.ask("answered");
  lease.follow();
  await lease.ask("answered");
  expect(asked.map(({ epoch }) => epoch)).toEqual([null, null]);
  expect(asked[1]).toMatchObject({ seen: 1 });
});

test("what is asked proves the succession, and tells the stored epoch; the answer tells since when no other node has led", async () => {
  const asked: LeaseRequest[] = [];
  const ask = async (request: LeaseRequest) => {
    asked.push(request);
    return { ...granted(9), soleSince: 4 };
  };
  const { lease } = leaseOf(ask);
  lease.succeed("a-0");
  lease.see(7);
  expect(lease.soleSince).toBeNull();
  await lease.ask("answered");
  expect(asked).toMatchObject([{ after: "a-0", seen: 7 }]);
  expect(lease.soleSince).toBe(4);
  await lease.release();
  expect(lease.soleSince).toBeNull();
});

test("what is given back says whether this node may come back", async () => {
  for (const returning of [true, false]) {
    const { lease, releaseLease } = leaseOf(async () => granted(1));
    await lease.ask("answered");
    await lease.release(returning);
    expect(releaseLease).toHaveBeenCalledWith(expect.objectContaining({ returning }), 1000);
  }
});

test.each([
  ["strict", true],
  ["plain", false],
])("A1 what is asked says how this node is fenced: %s", async (fencing, strict) => {
  const asked: LeaseRequest[] = [];
  const { lease } = leaseOf(
    async (request) => {
      asked.push(request);
      return granted(1);
    },
    { RAY_EP_FENCING: fencing },
  );
  await lease.ask("silent");
  expect(asked).toMatchObject([{ strict }]);
});

test("strict: a lease too short to be safe is not taken; a HEAD that leads gives it back only when its Ray is gone", async () => {
  let ttl = 5;
  const { lease, releaseLease } = leaseOf(async () => ({ ...granted(1), ttl }), {
    RAY_EP_FENCING: "strict",
  });
  expect(await lease.ask("silent")).toMatchObject({ kind: "no-answer" });
  expect(releaseLease).toHaveBeenCalledOnce();

  ttl = 15;
  await lease.ask("silent");
  lease.keep();
  ttl = 5;
  expect(await lease.ask("silent")).toMatchObject({ kind: "no-answer" });
  expect(releaseLease).toHaveBeenCalledOnce();
  expect(lease.heldEpoch).toBe(1);
  lease.stop();
});

/** How a HEAD that was granted the lease loses it. */
async function lossOf(
  ask: () => Promise<LeaseFact>,
  clock: Clock,
  more: { env?: Record<string, string>; onRenewed?: (untilMs: number) => void } = {},
): Promise<Fault> {
  const lost = Promise.withResolvers<Fault>();
  const { env = { RAY_EP_FENCING: "strict" }, ...settings } = more;
  const { lease } = leaseOf(ask, env, { clock, onLost: lost.resolve, ...settings });
  await lease.ask("silent");
  lease.keep();
  return lost.promise;
}

test("A1 strict: a HEAD whose epoch is over ends at its deadline, also where the holder bears its own name", async () => {
  let bootMs = 1000;
  const clock = { now: () => 0, bootMs: () => bootMs, pause: async () => bootMs < 60_000 };
  const answers: LeaseFact[] = [granted(1)];
  const ask = async () => {
    bootMs += 1000;
    return answers.shift() ?? refusal("stale-epoch", { ...holder("a"), epoch: 2 });
  };
  expect(await lossOf(ask, clock)).toEqual({ kind: "lease-lost", forMs: 10_000 });
});

test("A5 the deadline of a lease counts from when the request was sent, and runs while the machine is suspended", async () => {
  let bootMs = 1000;
  // Timers and the other clock stop meanwhile.
  const clock = { now: () => 0, bootMs: () => bootMs, pause: async () => true };
  const onRenewed = vi.fn();
  const ask = async () => {
    bootMs += 51_000;
    return granted(1);
  };
  expect(await lossOf(ask, clock, { onRenewed })).toEqual({ kind: "lease-lost", forMs: 51_000 });
  // Not asked again: a service that forgot would grant it.
  expect(onRenewed).toHaveBeenCalledExactlyOnceWith(11_000);
});

test("strict: a HEAD that cannot renew ends at its deadline, also between two renewals", async () => {
  let bootMs = 0;
  const pause = async (ms: number) => {
    bootMs += ms;
    return true;
  };
  const answers: LeaseFact[] = [granted(1)];
  const ask = async () => {
    bootMs += 700;
    return answers.shift() ?? ({ kind: "no-answer", cause: "silence" } as const);
  };
  const loss = await lossOf(ask, { now: () => 0, bootMs: () => bootMs, pause });
  expect(loss).toEqual({ kind: "lease-lost", forMs: 10_000 });
});

test("a HEAD that another one has succeeded is told so by its next renewal", async () => {
  const answers: LeaseFact[] = [granted(1), refusal("stale-epoch", holder("b", { epoch: 2 }))];
  const ask = async () => answers.shift() ?? Promise.reject(new Error("asked too often"));
  const clock = { ...realClock, pause: async () => true };
  expect(await lossOf(ask, clock, { env: {} })).toEqual({ kind: "superseded", by: "b", epoch: 2 });
});

test("a grant that nobody wants any more is given back, unless a later request is under way", async () => {
  const first = Promise.withResolvers<LeaseFact>();
  const answers = [
    first.promise,
    Promise.resolve<LeaseFact>(granted(1)),
    Promise.resolve<LeaseFact>(granted(2)),
  ];
  const { lease, releaseLease } = leaseOf(
    () => answers.shift() ?? Promise.reject(new Error("asked too often")),
  );
  const asked = lease.ask("answered", AbortSignal.abort());
  await lease.ask("answered");
  first.resolve(granted(1));
  await asked;
  expect(releaseLease).not.toHaveBeenCalled();
  await lease.ask("answered", AbortSignal.abort());
  expect(releaseLease).toHaveBeenCalledOnce();
  expect(lease.heldEpoch).toBeNull();
});
