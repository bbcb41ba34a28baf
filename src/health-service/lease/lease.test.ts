import { describe, expect, test } from "vitest";
import { HIGHEST_EPOCH, type LeaseRelease, type LeaseRequest } from "../../common/protocol/lease-protocol.ts";
import { askLease, releaseLease, seeEpoch } from "./lease.ts";
import { holdIn, type LeaseState, memoryOf, type Recalled, startLease, viewOf } from "./lease-state.ts";

const TTL = 15_000;
/** Two renewals and a second for the network. */
const SAME_NAME = 5_000;

/** A service and its clock. */
interface Bench {
  nowMs: number;
  state: LeaseState;
}

/** One thing that happens, and what it comes to: `how epoch`, `reason retryAfterMs`, `released`, `ended` or `not released`. */
type Act = (bench: Bench) => string;
/** Milliseconds since the step before, what happens, what it comes to, and what the state then has. */
type Step = readonly [waitMs: number, act: Act, result: string, state?: object];

const ask =
  (node: string, more: Partial<LeaseRequest> = {}): Act =>
  (bench) => {
    const request: LeaseRequest = {
      ...{ node, life: `${node}-1`, address: `${node}:6379`, clusterId: null },
      ...{ epoch: null, others: "answered", strict: false },
      ...more,
    };
    const step = askLease(bench.state, request, bench.nowMs, TTL);
    if ("reason" in step) expect(kept(step.state)).toEqual(kept(bench.state));
    bench.state = step.state;
    return "reason" in step ? `${step.reason} ${step.retryAfterMs}` : `${step.how} ${step.epoch}`;
  };

const release =
  (node: string, epoch: number, more: Partial<LeaseRelease> = {}): Act =>
  (bench) => {
    const asked = { node, life: `${node}-1`, epoch, ...more };
    const state = releaseLease(bench.state, asked, bench.nowMs, TTL);
    const released = state.last !== bench.state.last;
    if (!released) expect(kept(state)).toEqual(kept(bench.state));
    bench.state = state;
    return released ? (holdIn(state) === null ? "released" : "ended") : "not released";
  };

/** Some node has seen this epoch. */
const see =
  (epoch: number): Act =>
  (bench) => {
    bench.state = seeEpoch(bench.state, epoch);
    return "";
  };

/** The service starts anew, and knows this of the time before. */
const start =
  (recalled: Recalled): Act =>
  (bench) => {
    bench.state = startLease(recalled, bench.nowMs, TTL);
    return "";
  };

/** What nobody changes who is refused. */
const kept = ({ highestEpochSeen: _, ...state }: LeaseState) => state;

const memory = (epoch: number, node: string | null, strict = false): Recalled => ({
  ...{ kind: "kept", epoch, highestEpochSeen: epoch },
  hold:
    node === null
      ? null
      : { node, life: `${node}-1`, address: `${node}:6379`, clusterId: "c1", strict, epoch },
});

function play(steps: readonly Step[]): void {
  const bench: Bench = { nowMs: 0, state: startLease({ kind: "none" }, 0, TTL) };
  for (const [waitMs, act, result, state = {}] of steps) {
    bench.nowMs += waitMs;
    expect(act(bench)).toBe(result);
    expect(bench.state).toMatchObject(state);
  }
}

const each = (histories: Readonly<Record<string, readonly Step[]>>) =>
  test.each(Object.entries(histories))("%s", (_, steps) => play(steps));

const silent = { others: "silent" } as const;
/** The next life of the node that holds the lease. */
const next = { life: "cpu-2" };

describe("a candidate asks", () => {
  each({
    "the first one of a cluster is granted at once, with epoch 1": [[0, ask("cpu"), "grant 1"]],
    "the second one is told who holds it, and to ask again soon": [
      [0, ask("cpu"), "grant 1"],
      [0, ask("gpu"), "held 2000"],
      [TTL - 500, ask("gpu"), "held 500"],
    ],
    "one whose granted answer was lost recognises its own grant": [
      [0, ask("cpu"), "grant 1"],
      [900, ask("cpu"), "recognition 1", { last: { renewedAtMs: 900 } }],
    ],
    "names have no case": [
      [0, ask("cpu"), "grant 1"],
      [0, ask("CPU", { life: "cpu-1" }), "recognition 1"],
    ],
    "a holder that served is replaced when its lease has ended, not before": [
      [0, ask("cpu"), "grant 1"],
      [1000, ask("cpu", { epoch: 1, clusterId: "c1" }), "renewal 1"],
      [TTL - 1, ask("gpu"), "held 1"],
      [1, ask("gpu"), "grant 2"],
    ],
    "so is a holder that never served": [
      [0, ask("cpu"), "grant 1"],
      [1000, ask("cpu", { epoch: 1 }), "renewal 1"],
      [TTL - 1, ask("gpu"), "held 1"],
      [1, ask("gpu"), "grant 2"],
    ],
  });
});

describe("the holder renews", () => {
  each({
    "its lease runs anew, with a new address, and a cluster id once seen stays": [
      [0, ask("cpu"), "grant 1"],
      [2000, ask("cpu", { epoch: 1, clusterId: "c1" }), "renewal 1"],
      [
        2000,
        ask("cpu", { epoch: 1, address: "cpu:6380" }),
        "renewal 1",
        { last: { address: "cpu:6380", clusterId: "c1", renewedAtMs: 4000 } },
      ],
    ],
    "late, after its lease ended, but before anybody took it: still the holder": [
      [0, ask("cpu"), "grant 1"],
      [10 * TTL, ask("cpu", { epoch: 1 }), "renewal 1"],
    ],
    "after another took over: its epoch is over": [
      [0, ask("cpu"), "grant 1"],
      [TTL, ask("gpu"), "grant 2"],
      [1000, ask("cpu", { epoch: 1 }), "stale-epoch 2000"],
    ],
    "another node, or another life of its node, cannot renew under the holder's epoch": [
      [0, ask("cpu"), "grant 1"],
      [0, ask("gpu", { epoch: 1 }), "stale-epoch 2000"],
      [0, ask("cpu", { ...next, epoch: 1 }), "stale-epoch 2000"],
    ],
    "a replay of an old epoch by the holder itself changes nothing": [
      [0, start(memory(3, null)), ""],
      [0, ask("cpu"), "grant 4"],
      [1000, ask("cpu", { epoch: 3 }), "stale-epoch 2000"],
    ],
    "a renewal that arrives after the release brings nothing back": [
      [0, ask("cpu"), "grant 1"],
      [0, release("cpu", 1), "released"],
      [0, ask("cpu", { epoch: 1 }), "stale-epoch 2000", { last: { releasedAtMs: 0 } }],
    ],
    "epoch 0 was never granted": [[0, ask("cpu", { epoch: 0 }), "stale-epoch 2000"]],
  });
});

describe("a release", () => {
  each({
    "by the holder lets the next one in at once, also one that is in doubt": [
      [0, start(memory(0, null)), ""],
      [0, ask("cpu"), "grant 1"],
      [0, release("cpu", 1), "released"],
      [0, ask("gpu", silent), "grant 2"],
    ],
    "by another node, another life of the holder's node or under another epoch changes nothing": [
      [0, ask("cpu"), "grant 1"],
      [0, release("gpu", 1), "not released"],
      [0, release("cpu", 1, next), "not released"],
      [0, release("cpu", 0), "not released"],
    ],
    "that is late does not end the hold that was asked for after it": [
      [0, ask("cpu", { seq: 1 }), "grant 1"],
      [0, ask("cpu", { seq: 3 }), "recognition 1"],
      [0, release("cpu", 1, { seq: 2 }), "not released", { last: { epoch: 1, seq: 3 } }],
    ],
    "is not undone by a request that is late": [
      [0, ask("cpu", { seq: 2 }), "grant 1"],
      [0, release("cpu", 1, { seq: 3 }), "released"],
      [0, ask("cpu", { seq: 1 }), "stale-epoch 2000"],
      [0, ask("cpu", { seq: 4 }), "grant 2"],
    ],
  });
});

const returning = { returning: true };
/** The service starts anew with its memory. */
const restart: Act = (bench) => start({ kind: "kept", ...memoryOf(bench.state) })(bench);
/** What others are told of the holder. */
const look: Act = ({ state, nowMs }) => {
  const { holder, released } = viewOf(state, nowMs, TTL);
  return `${holder?.node} ${holder?.returning} for ${holder?.endedFor}, ${released}`;
};

describe("a holder that stops and may come back", () => {
  each({
    "remains the last holder, of a lease that has ended, also through a restart of the service": [
      [0, ask("cpu"), "grant 1"],
      [1000, release("cpu", 1, returning), "ended"],
      [3000, look, "cpu true for 3, false"],
      [0, restart, ""],
      [2000, look, "cpu true for 2, false"],
    ],
    "is granted the lease at once, in its next life, strict or not": [true, false].flatMap(
      (strict): Step[] => [
        [0, start({ kind: "none" }), ""],
        [0, ask("cpu", { strict }), "grant 1"],
        [0, release("cpu", 1, returning), "ended"],
        [0, ask("cpu", { ...next, strict }), "grant 2"],
        [1, look, "cpu undefined for undefined, false"],
      ],
    ),
    "is not brought back by a renewal that is late": [
      [0, ask("cpu", { seq: 1 }), "grant 1"],
      [0, release("cpu", 1, { ...returning, seq: 3 }), "ended"],
      [0, ask("cpu", { epoch: 1, seq: 2 }), "stale-epoch 2000"],
      [0, look, "cpu true for 0, false"],
    ],
    "is succeeded by another node that asks: how long it waits before is its own matter": [
      [0, ask("cpu"), "grant 1"],
      [0, release("cpu", 1, returning), "ended"],
      [0, ask("gpu"), "grant 2"],
    ],
  });
});

/** The lease of a strict holder is not for the next life of its node before it ends. */
const strictly = (strict: boolean | undefined): Step[] => [
  [0, ask("cpu", { strict }), "grant 1"],
  [SAME_NAME, ask("cpu", { strict, epoch: 1 }), "renewal 1"],
  [SAME_NAME, ask("cpu", next), "same-name 2000"],
  [TTL - SAME_NAME - 1, ask("cpu", next), "same-name 1"],
  [1, ask("cpu", next), "grant 2"],
];

describe("another life under the holder's name", () => {
  each({
    "a holder that restarted waits until its previous life was silent for two renewals, then goes on with a new epoch":
      [
        [0, ask("cpu"), "grant 1"],
        [2000, ask("cpu", { epoch: 1 }), "renewal 1"],
        [1000, ask("cpu", next), "same-name 2000"],
        [3500, ask("cpu", next), "same-name 500"],
        [500, ask("cpu", next), "grant 2"],
      ],
    "A1 of a holder that says that it is strict waits for the end of the lease, since the holder ends its Ray only by then":
      strictly(true),
    "A1 so does that of a holder that does not say what it is": strictly(undefined),
    "A1 the fencing that the current holder stated last counts, not that of another life": [
      [0, start(memory(1, "cpu", true)), ""],
      [TTL - 1, ask("cpu", next), "same-name 1"],
      [1, ask("cpu", next), "grant 2"],
      [SAME_NAME, ask("cpu", { life: "cpu-3" }), "grant 3"],
    ],
    "A1 the proven successor of the holder waits for nothing, strict or not, and what its predecessor still sends changes nothing":
      [true, false].flatMap((strict): Step[] => [
        [0, start({ kind: "none" }), ""],
        [0, ask("cpu", { strict }), "grant 1"],
        [0, ask("cpu", { ...next, strict, after: "cpu-1" }), "grant 2"],
        [0, ask("cpu", { strict, epoch: 1 }), "stale-epoch 2000"],
        [0, release("cpu", 1), "not released"],
      ]),
    "the successor of another life, or another node that names the holder's life, waits like everybody": [
      [0, ask("cpu"), "grant 1"],
      [0, ask("cpu", { ...next, after: "cpu-0" }), "same-name 2000"],
      [0, ask("gpu", { after: "cpu-1" }), "held 2000"],
    ],
    "a renewal that was under way when the previous life died only makes the next one wait": [
      [0, ask("cpu"), "grant 1"],
      [1000, ask("cpu", next), "same-name 2000"],
      [300, ask("cpu", { epoch: 1 }), "renewal 1"],
      [1000, ask("cpu", next), "same-name 2000"],
      [4000, ask("cpu", next), "grant 2"],
    ],
  });
});

const sole = (node: string, since: number) => ({ sole: { node, since } });

describe("since when no other node has led", () => {
  each({
    "is kept through the lives of one node and its releases, and begins anew with another node": [
      [0, ask("cpu"), "grant 1", sole("cpu", 1)],
      [0, ask("cpu", { ...next, after: "cpu-1" }), "grant 2", sole("cpu", 1)],
      [0, release("cpu", 2, next), "released"],
      [0, ask("CPU", { life: "cpu-3" }), "grant 3", sole("cpu", 1)],
      [TTL, ask("gpu"), "grant 4", sole("gpu", 4)],
      [TTL, ask("cpu"), "grant 5", sole("cpu", 5)],
    ],
    "is the last grant that is known, where the file of an earlier version does not say": [
      [0, start(memory(4, "cpu")), ""],
      [0, ask("cpu", { ...next, after: "cpu-1" }), "grant 5", sole("cpu", 4)],
    ],
    "is not before what a service forgot: another node may have led then": [
      [0, start(memory(4, null)), ""],
      [0, ask("cpu"), "grant 5", sole("cpu", 5)],
      [0, start({ kind: "none" }), ""],
      [0, ask("cpu"), "grant 1", sole("cpu", 1)],
      [0, ask("cpu", { ...next, epoch: 7 }), "adoption 7", sole("cpu", 7)],
      [0, start({ kind: "none" }), ""],
      [TTL, ask("cpu", { seen: 7 }), "grant 8", sole("cpu", 8)],
    ],
  });
});

describe("a service that starts without memory", () => {
  const serving = { ...silent, clusterId: "c1" };
  each({
    "waits one TTL with a candidate in doubt, then grants": [
      [0, ask("cpu", silent), "quiet-period 2000"],
      [TTL - 1, ask("cpu", silent), "quiet-period 1"],
      [1, ask("cpu", silent), "grant 1"],
    ],
    "A6 a candidate that serves a cluster waits as long as any other: the holder may lead as well": [
      [TTL - 1, ask("cpu", serving), "quiet-period 1"],
      [1, ask("cpu", serving), "grant 1"],
      [0, ask("gpu", silent), "held 2000"],
    ],
    "of a HEAD that led under a lease and one that led without, the first stays, whoever asks first": [
      [0, ask("cpu", serving), "quiet-period 2000"],
      [1500, ask("gpu", { epoch: 3, clusterId: "c2" }), "adoption 3"],
      [0, ask("cpu", serving), "held 2000"],
    ],
    "takes up a living holder with its epoch, and refuses the one that was in doubt": [
      [0, ask("gpu", silent), "quiet-period 2000"],
      [1500, ask("cpu", { epoch: 7 }), "adoption 7"],
      [500, ask("gpu", silent), "held 2000"],
      [TTL, ask("gpu"), "grant 8"],
    ],
    "a holder of a higher epoch displaces one that was granted too soon, whose epoch is then over": [
      [0, ask("gpu"), "grant 1"],
      [0, ask("cpu", { epoch: 7 }), "adoption 7"],
      [0, ask("gpu", { epoch: 1 }), "stale-epoch 2000"],
    ],
    "of two holders that present themselves the higher epoch stays, the lower first": [
      [0, ask("node3", { epoch: 3 }), "adoption 3"],
      [0, ask("node7", { epoch: 7 }), "adoption 7", { last: { node: "node7", epoch: 7 } }],
      [0, ask("node3", { epoch: 3 }), "stale-epoch 2000"],
    ],
    "of two holders that present themselves the higher epoch stays, the higher first": [
      [0, ask("node7", { epoch: 7 }), "adoption 7"],
      [0, ask("node3", { epoch: 3 }), "stale-epoch 2000", { last: { node: "node7", epoch: 7 } }],
    ],
    "waits one TTL with a candidate that worked under a HEAD which it forgot: it may live where this one's name leads astray":
      [
        [TTL - 1, ask("cpu", { seen: 1 }), "quiet-period 1"],
        [0, ask("gpu", { epoch: 1 }), "adoption 1"],
        [1, ask("cpu", { seen: 1 }), "held 2000"],
      ],
    "grants above the highest epoch that the asker has seen, so that epochs do not go back": [
      [TTL, ask("cpu", { seen: 7 }), "grant 8"],
    ],
    "grants above what workers tell": [
      [0, see(7), ""],
      [0, ask("gpu"), "grant 8"],
    ],
    "takes up the living holder of the very epoch that workers tell": [
      [0, see(7), ""],
      [0, ask("cpu", { epoch: 7 }), "adoption 7"],
    ],
    "does not take up a holder when somebody has seen a later one": [
      [0, see(8), ""],
      [0, ask("cpu", { epoch: 7 }), "stale-epoch 2000"],
    ],
    "A6 after the release of one forgotten holder another may exist, and the released epoch is not granted again":
      [
        [0, release("cpu", 7), "not released"],
        [0, ask("gpu", silent), "quiet-period 2000"],
        [0, ask("cpu", next), "grant 8"],
      ],
    "A6 after one forgotten holder has come and gone another may exist": [
      [0, ask("cpu", { epoch: 7 }), "adoption 7"],
      [0, release("cpu", 7), "released"],
      [0, ask("gpu", silent), "quiet-period 2000"],
      [0, ask("disk", { epoch: 8 }), "adoption 8"],
    ],
    "a damaged file that still tells an epoch keeps it from going back": [
      [0, start({ kind: "damaged", epoch: 41, detail: "" }), ""],
      [0, ask("cpu"), "grant 42"],
    ],
  });

  test.each([Number.MAX_SAFE_INTEGER, HIGHEST_EPOCH + 1, HIGHEST_EPOCH, HIGHEST_EPOCH - 1])(
    "does not believe that anybody has seen %d, so that no request ends all grants",
    (epoch) =>
      play([
        [0, see(epoch), ""],
        [0, ask("cpu", { epoch }), "stale-epoch 2000"],
        [0, release("cpu", epoch), "not released"],
        [0, ask("cpu", { seen: epoch }), "grant 1"],
      ]),
  );
});

describe("a service that starts with memory", () => {
  each({
    "the holder goes on under its epoch, and nobody else is let in for one TTL": [
      [0, start(memory(4, "cpu")), ""],
      [TTL - 1, ask("gpu"), "held 1"],
      [0, ask("cpu", { epoch: 4 }), "renewal 4"],
    ],
    "a holder that died meanwhile is replaced after one TTL": [
      [0, start(memory(4, "cpu")), ""],
      [TTL, ask("gpu"), "grant 5"],
    ],
    "grants at once when nobody held the lease, also to a candidate in doubt": [
      [0, start(memory(4, null)), ""],
      [0, ask("gpu", silent), "grant 5"],
    ],
  });
});
