import { describe, expect, test } from "vitest";
import { HIGHEST_EPOCH, type LeaseRequest } from "../common/lease-protocol.ts";
import { stepLease } from "./lease.ts";
import {
  type LeaseAnswer,
  type LeaseEvent,
  type LeaseSettings,
  type LeaseState,
  type Memory,
  startLease,
} from "./lease-state.ts";

const TTL = 15_000;
const SAME_NAME = 5_000;
const SETTINGS: LeaseSettings = {
  ttlMs: TTL,
  sameNameAfterMs: SAME_NAME,
  askAgainMs: 2000,
  isCandidate: (node) => node !== "stranger",
};

/** A service on a clock that the test turns. */
class Bench {
  nowMs = 0;
  state: LeaseState;

  constructor(memory: Memory | null = null, heard = 0) {
    this.state = startLease(memory, heard, 0, SETTINGS);
  }

  wait(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  tell(event: LeaseEvent): LeaseAnswer {
    const step = stepLease(this.state, this.nowMs, event, SETTINGS);
    this.state = step.state;
    return step.answer;
  }

  ask(node: string, more: Partial<LeaseRequest> = {}): LeaseAnswer {
    const request: LeaseRequest = {
      node,
      life: `${node}-1`,
      address: `${node}:6379`,
      clusterId: null,
      epoch: null,
      others: "answered",
      strict: false,
      ...more,
    };
    return this.tell({ type: "ask", request });
  }

  release(node: string, epoch: number, life = `${node}-1`): LeaseAnswer {
    return this.tell({ type: "release", release: { node, life, epoch } });
  }
}

const granted = (how: string, epoch: number) => expect.objectContaining({ kind: "granted", how, epoch });
const refused = (reason: string, retryAfterMs: unknown = expect.any(Number)) => ({
  kind: "refused",
  reason,
  retryAfterMs,
});
const memory = (epoch: number, node: string | null, strict = false): Memory => ({
  epoch,
  heard: epoch,
  hold:
    node === null
      ? null
      : { node, life: `${node}-1`, address: `${node}:6379`, clusterId: "c1", strict, epoch },
});

describe("a candidate asks", () => {
  test("the first one of a cluster is granted at once, with epoch 1", () => {
    expect(new Bench().ask("cpu")).toEqual(granted("grant", 1));
  });

  test("the second one is told who holds it, and to ask again soon", () => {
    const bench = new Bench();
    bench.ask("cpu");
    expect(bench.ask("gpu")).toEqual(refused("held", 2000));
    bench.wait(TTL - 500);
    expect(bench.ask("gpu")).toEqual(refused("held", 500));
  });

  test("one that is not in the whitelist is refused, also when nobody holds the lease", () => {
    expect(new Bench().ask("stranger")).toEqual(refused("not-a-candidate"));
    expect(new Bench().ask("stranger", { epoch: 7 })).toEqual(refused("not-a-candidate"));
  });

  test("one whose granted answer was lost recognises its own grant", () => {
    const bench = new Bench();
    bench.ask("cpu");
    expect(bench.wait(900).ask("cpu")).toEqual(granted("recognition", 1));
    expect(bench.state.hold?.endsAtMs).toBe(900 + TTL);
  });

  test("names have no case", () => {
    const bench = new Bench();
    bench.ask("cpu");
    expect(bench.ask("CPU", { life: "cpu-1" })).toEqual(granted("recognition", 1));
  });

  test.each([
    { served: "that served", clusterId: "c1" },
    { served: "that never served", clusterId: null },
  ])("a holder $served is replaced when its lease has ended, not before", ({ clusterId }) => {
    const bench = new Bench();
    bench.ask("cpu");
    bench.wait(1000).ask("cpu", { epoch: 1, clusterId });
    expect(bench.wait(TTL - 1).ask("gpu")).toEqual(refused("held", 1));
    expect(bench.wait(1).ask("gpu")).toEqual(granted("grant", 2));
  });
});

describe("the holder renews", () => {
  test("its lease runs anew, with a new address, and a cluster id once seen stays", () => {
    const bench = new Bench();
    bench.ask("cpu");
    bench.wait(2000).ask("cpu", { epoch: 1, clusterId: "c1" });
    expect(bench.wait(2000).ask("cpu", { epoch: 1, address: "cpu:6380" })).toEqual(granted("renewal", 1));
    expect(bench.state.hold).toMatchObject({ address: "cpu:6380", clusterId: "c1", endsAtMs: 4000 + TTL });
  });

  test("late, after its lease ended, but before anybody took it: still the holder", () => {
    const bench = new Bench();
    bench.ask("cpu");
    expect(bench.wait(10 * TTL).ask("cpu", { epoch: 1 })).toEqual(granted("renewal", 1));
  });

  test("after another took over: its epoch is over, and nothing changes", () => {
    const bench = new Bench();
    bench.ask("cpu");
    bench.wait(TTL).ask("gpu");
    const before = bench.state;
    expect(bench.wait(1000).ask("cpu", { epoch: 1 })).toEqual(refused("stale-epoch"));
    expect(bench.state).toEqual(before);
  });

  test.each([
    ["another node", "gpu", "gpu-1"],
    ["another life of its node", "cpu", "cpu-2"],
  ])("%s cannot renew under the holder's epoch", (_who, node, life) => {
    const bench = new Bench();
    bench.ask("cpu");
    const before = bench.state;
    expect(bench.ask(node, { life, epoch: 1 })).toEqual(refused("stale-epoch"));
    expect(bench.state).toEqual(before);
  });

  test("a replay of an old epoch by the holder itself changes nothing", () => {
    const bench = new Bench(memory(3, null));
    bench.ask("cpu");
    const before = bench.state;
    expect(bench.wait(1000).ask("cpu", { epoch: 3 })).toEqual(refused("stale-epoch"));
    expect(bench.state).toEqual(before);
  });

  test("a renewal that arrives after the release brings nothing back", () => {
    const bench = new Bench();
    bench.ask("cpu");
    bench.release("cpu", 1);
    expect(bench.ask("cpu", { epoch: 1 })).toEqual(refused("stale-epoch"));
    expect(bench.state.hold).toBeNull();
  });

  test("epoch 0 was never granted", () => {
    expect(new Bench().ask("cpu", { epoch: 0 })).toEqual(refused("stale-epoch"));
  });
});

describe("a release", () => {
  test("by the holder lets the next one in at once, also one that is in doubt", () => {
    const bench = new Bench(memory(0, null));
    bench.ask("cpu");
    expect(bench.release("cpu", 1)).toEqual({ kind: "released", released: true });
    expect(bench.ask("gpu", { others: "silent" })).toEqual(granted("grant", 2));
  });

  test.each([
    ["another node", "gpu", 1, "gpu-1"],
    ["another life of the holder's node", "cpu", 1, "cpu-2"],
    ["the holder under another epoch", "cpu", 0, "cpu-1"],
  ])("by %s changes nothing", (_who, node, epoch, life) => {
    const bench = new Bench();
    bench.ask("cpu");
    const before = bench.state;
    expect(bench.release(node, epoch, life)).toEqual({ kind: "released", released: false });
    expect(bench.state).toEqual(before);
  });
});

describe("a word that a later one of the same life has overtaken", () => {
  test("a late release does not end the hold that was asked for after it", () => {
    const bench = new Bench();
    bench.ask("cpu", { seq: 1 });
    bench.ask("cpu", { seq: 3 });
    const late = { node: "cpu", life: "cpu-1", epoch: 1, seq: 2 };
    expect(bench.tell({ type: "release", release: late })).toEqual({ kind: "released", released: false });
    expect(bench.state.hold?.epoch).toBe(1);
  });

  test("a late request does not take the lease again for a node that released it", () => {
    const bench = new Bench();
    bench.ask("cpu", { seq: 2 });
    bench.tell({ type: "release", release: { node: "cpu", life: "cpu-1", epoch: 1, seq: 3 } });
    expect(bench.ask("cpu", { seq: 1 })).toEqual(refused("stale-epoch"));
    expect(bench.ask("cpu", { seq: 4 })).toEqual(granted("grant", 2));
  });
});

describe("another life under the holder's name", () => {
  const restarted = { life: "cpu-2" };

  test("a holder that restarted waits until its former life was silent for two renewals, then goes on with a new epoch", () => {
    const bench = new Bench();
    bench.ask("cpu");
    bench.wait(2000).ask("cpu", { epoch: 1 });
    expect(bench.wait(1000).ask("cpu", restarted)).toEqual(refused("same-name", 2000));
    expect(bench.wait(3500).ask("cpu", restarted)).toEqual(refused("same-name", 500));
    expect(bench.wait(500).ask("cpu", restarted)).toEqual(granted("grant", 2));
  });

  test.each([
    ["says that it is strict", { strict: true }],
    ["does not say what it is", { strict: undefined }],
  ])(
    "A1 of a holder that %s waits for the end of the lease, since the holder ends its Ray only by then",
    (_, strict) => {
      const bench = new Bench();
      bench.ask("cpu", strict);
      bench.wait(SAME_NAME).ask("cpu", { epoch: 1, ...strict });
      expect(bench.wait(SAME_NAME).ask("cpu", restarted)).toEqual(refused("same-name", 2000));
      expect(bench.wait(TTL - SAME_NAME - 1).ask("cpu", restarted)).toEqual(refused("same-name", 1));
      expect(bench.wait(1).ask("cpu", restarted)).toEqual(granted("grant", 2));
    },
  );

  test("A1 the fencing that the current holder stated last counts, not that of another life", () => {
    const bench = new Bench(memory(1, "cpu", true));
    expect(bench.wait(TTL - 1).ask("cpu", restarted)).toEqual(refused("same-name", 1));
    bench.wait(1).ask("cpu", restarted);
    expect(bench.wait(SAME_NAME).ask("cpu", { life: "cpu-3" })).toEqual(granted("grant", 3));
  });

  test("a renewal that was under way when the former life died does not make the new one a duplicate", () => {
    const bench = new Bench();
    bench.ask("cpu");
    bench.wait(1000).ask("cpu", restarted);
    bench.wait(300).ask("cpu", { epoch: 1 });
    expect(bench.wait(1000).ask("cpu", restarted)).toEqual(refused("same-name"));
    expect(bench.wait(4000).ask("cpu", restarted)).toEqual(granted("grant", 2));
  });

  test("the holder goes on renewing: the newcomer is a duplicate, and the holder hears of it", () => {
    const bench = new Bench();
    bench.ask("cpu");
    bench.wait(1000).ask("cpu", { ...restarted, address: "other:6379" });
    expect(bench.wait(1000).ask("cpu", { epoch: 1 })).toMatchObject({
      kind: "granted",
      epoch: 1,
      namesake: { life: "cpu-2", address: "other:6379" },
    });
    bench.wait(2000).ask("cpu", { epoch: 1 });
    expect(bench.ask("cpu", restarted)).toEqual(refused("duplicate-name"));
  });

  test("a duplicate that gave up is forgotten after one TTL", () => {
    const bench = new Bench();
    bench.ask("cpu");
    bench.ask("cpu", restarted);
    for (let i = 0; i < 8; i++) bench.wait(2000).ask("cpu", { epoch: 1 });
    expect(bench.ask("cpu", { epoch: 1 })).toMatchObject({ kind: "granted", namesake: null });
  });

  test("a crash loop of new lives is remembered within a limit", () => {
    const bench = new Bench();
    bench.ask("cpu");
    for (let i = 0; i < 100; i++) bench.ask("cpu", { life: `cpu-${i + 2}` });
    expect(bench.state.namesakes).toHaveLength(16);
    expect(bench.state.namesakes.at(-1)?.life).toBe("cpu-101");
  });
});

describe("a service that starts without memory", () => {
  const doubt = { others: "silent" } as const;

  test("waits one TTL with a candidate in doubt, then grants", () => {
    const bench = new Bench();
    expect(bench.ask("cpu", doubt)).toEqual(refused("quiet-period", 2000));
    expect(bench.wait(TTL - 1).ask("cpu", doubt)).toEqual(refused("quiet-period", 1));
    expect(bench.wait(1).ask("cpu", doubt)).toEqual(granted("grant", 1));
  });

  test("A6 a candidate that serves a cluster waits as long as any other: the holder may lead as well", () => {
    const bench = new Bench();
    const serving = { ...doubt, clusterId: "c1" };
    expect(bench.wait(TTL - 1).ask("cpu", serving)).toEqual(refused("quiet-period", 1));
    expect(bench.wait(1).ask("cpu", serving)).toEqual(granted("grant", 1));
    expect(bench.ask("gpu", doubt)).toEqual(refused("held"));
  });

  test("of a HEAD that led under a lease and one that led without, the first stays, whoever speaks first", () => {
    const bench = new Bench();
    const serving = { ...doubt, clusterId: "c1" };
    expect(bench.ask("cpu", serving)).toEqual(refused("quiet-period", 2000));
    expect(bench.wait(1500).ask("gpu", { epoch: 3, clusterId: "c2" })).toEqual(granted("adoption", 3));
    expect(bench.ask("cpu", serving)).toEqual(refused("held"));
  });

  test("takes up a living holder with its epoch, and refuses the rival that was in doubt", () => {
    const bench = new Bench();
    bench.ask("gpu", doubt);
    expect(bench.wait(1500).ask("cpu", { epoch: 7 })).toEqual(granted("adoption", 7));
    expect(bench.wait(500).ask("gpu", doubt)).toEqual(refused("held"));
    expect(bench.wait(TTL).ask("gpu")).toEqual(granted("grant", 8));
  });

  test("a holder of a higher epoch displaces one that was granted too soon, whose epoch is then over", () => {
    const bench = new Bench();
    bench.ask("gpu");
    expect(bench.ask("cpu", { epoch: 7 })).toEqual(granted("adoption", 7));
    expect(bench.ask("gpu", { epoch: 1 })).toEqual(refused("stale-epoch"));
  });

  test.each([
    ["the lower first", [3, 7]],
    ["the higher first", [7, 3]],
  ])("of two holders that present themselves the higher epoch stays, %s", (_order, epochs) => {
    const bench = new Bench();
    for (const epoch of epochs) bench.ask(`node${epoch}`, { epoch });
    expect(bench.state.hold).toMatchObject({ node: "node7", epoch: 7 });
    expect(bench.ask("node3", { epoch: 3 })).toEqual(refused("stale-epoch"));
  });

  test("waits one TTL with a candidate that worked under a HEAD which it forgot: it may live where this one's name leads astray", () => {
    const bench = new Bench();
    expect(bench.wait(TTL - 1).ask("cpu", { seen: 1 })).toEqual(refused("quiet-period", 1));
    expect(bench.ask("gpu", { epoch: 1 })).toEqual(granted("adoption", 1));
    expect(bench.wait(1).ask("cpu", { seen: 1 })).toEqual(refused("held"));
  });

  test("grants above the highest epoch that the asker has seen, so that epochs do not go back", () => {
    expect(new Bench().wait(TTL).ask("cpu", { seen: 7 })).toEqual(granted("grant", 8));
  });

  test("grants above what workers tell, and still takes up the living holder of that very epoch", () => {
    const told = new Bench();
    told.tell({ type: "heard", epoch: 7 });
    expect(told.ask("gpu")).toEqual(granted("grant", 8));
    const present = new Bench();
    present.tell({ type: "heard", epoch: 7 });
    expect(present.ask("cpu", { epoch: 7 })).toEqual(granted("adoption", 7));
  });

  test.each([Number.MAX_SAFE_INTEGER, HIGHEST_EPOCH + 1, HIGHEST_EPOCH, HIGHEST_EPOCH - 1])(
    "does not believe that anybody has seen %d, so that no word ends all grants",
    (epoch) => {
      const told = new Bench();
      told.tell({ type: "heard", epoch });
      expect(told.ask("cpu", { seen: epoch })).toEqual(granted("grant", 1));
      expect(new Bench().ask("cpu", { epoch })).toEqual(refused("stale-epoch"));
      expect(new Bench().release("cpu", epoch)).toEqual({ kind: "released", released: false });
    },
  );

  test("does not take up a holder when somebody has seen a later one", () => {
    const bench = new Bench();
    bench.tell({ type: "heard", epoch: 8 });
    expect(bench.ask("cpu", { epoch: 7 })).toEqual(refused("stale-epoch"));
  });

  test("A6 after the release of one forgotten holder another may exist, and the released epoch is not granted again", () => {
    const bench = new Bench();
    expect(bench.release("cpu", 7)).toEqual({ kind: "released", released: false });
    expect(bench.ask("gpu", doubt)).toEqual(refused("quiet-period"));
    expect(bench.ask("cpu", { life: "cpu-2" })).toEqual(granted("grant", 8));
  });

  test("A6 after one forgotten holder has come and gone another may exist", () => {
    const bench = new Bench();
    bench.ask("cpu", { epoch: 7 });
    bench.release("cpu", 7);
    expect(bench.ask("gpu", doubt)).toEqual(refused("quiet-period"));
    expect(bench.ask("disk", { epoch: 8 })).toEqual(granted("adoption", 8));
  });

  test("a damaged file that still tells an epoch keeps it from going back", () => {
    expect(new Bench(null, 41).ask("cpu")).toEqual(granted("grant", 42));
  });
});

describe("a service that starts with memory", () => {
  test("the holder goes on under its epoch, and nobody else is let in for one TTL", () => {
    const bench = new Bench(memory(4, "cpu"));
    expect(bench.wait(TTL - 1).ask("gpu")).toEqual(refused("held", 1));
    expect(bench.ask("cpu", { epoch: 4 })).toEqual(granted("renewal", 4));
  });

  test("a holder that died meanwhile is replaced after one TTL", () => {
    expect(new Bench(memory(4, "cpu")).wait(TTL).ask("gpu")).toEqual(granted("grant", 5));
  });

  test("grants at once when nobody held the lease, also to a candidate in doubt", () => {
    expect(new Bench(memory(4, null)).ask("gpu", { others: "silent" })).toEqual(granted("grant", 5));
  });
});
