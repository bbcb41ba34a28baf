import { describe, expect, test } from "vitest";
import { statusOf } from "../../test/fixtures/status.ts";
import { eventWords } from "../common/output/event-words.ts";
import { span } from "../common/output/units.ts";
import type { ClusterEvent } from "../common/protocol/events-protocol.ts";
import type { NodeStatus } from "../common/protocol/node-status.ts";
import { reignsOf } from "./epochs.ts";
import { nextOf } from "./next.ts";
import type { Moment, NodeView } from "./picture.ts";
import { rowsOf } from "./rows.ts";
import { sentenceOf } from "./sentence.ts";

const NOW = 1_800_000_000_000;
const AGO = (s: number) => NOW - s * 1000;

type Holder = NonNullable<Moment["view"]["holder"]>;
const holder = (more: Partial<Holder> = {}): Holder => ({
  ...{ node: "ray-cpu", address: "10.0.0.1:6379", clusterId: "abc", epoch: 3, expiresIn: 13 },
  ...more,
});
const node = (name: string, more: Partial<NodeView> = {}, status: Partial<NodeStatus> = {}): NodeView => ({
  ...{ name, seenAgo: 1, role: "worker", state: "watching", head: null, advertise: "10.0.0.2" },
  ...{ nodeManagerPort: 20000, status: { ...statusOf(name, []), ...status } },
  ...more,
});
const HEAD = node("ray-cpu", { role: "head" }, { since: AGO(187_200) });
const led = (id: number, agoS: number, epoch: number, more: Partial<Led> = {}): Led => ({
  ...{ id, at: AGO(agoS), kind: "led", node: "ray-cpu", epoch, why: "first", before: null, headlessS: null },
  ...more,
});
type Led = Extract<ClusterEvent, { kind: "led" }>;

function moment(nodes: NodeView[], more: Partial<Moment["view"]> = {}, events: ClusterEvent[] = []): Moment {
  const view = { service: "ray-entrypoint-health", version: "1", instance: "i", uptime: 1, ttl: 15 } as const;
  const lease = { epoch: 3, holder: holder(), ...more };
  return { view: { ...view, ...lease, nodes }, atMs: NOW, nowMs: NOW, events };
}
const said = (of: Moment) => {
  const { lead, troubles } = sentenceOf(of);
  return [lead, ...troubles].join(" ");
};

const GPU = node("ray-gpu");
const FOR_A_HEAD = { kind: "head", node: null, since: AGO(60) } as const;
const WAITS = node(
  "ray-big",
  { role: null, state: "waiting-for-head" },
  {
    waits: FOR_A_HEAD,
    heads: [{ address: "10.0.0.1:6379", answer: "unreachable" }],
  },
);
const KILLED = node(
  "ray-gpu",
  { state: "restarting" },
  { fault: { reason: "ray-exited", words: "Ray ended by itself (signal SIGKILL)", at: AGO(1) }, restarts: 1 },
);

describe("the sentence says who leads, how many are ALIVE, and what is wrong", () => {
  test.each<[string, Moment]>([
    [
      "ray-cpu leads since 2 d 4 h, epoch 3. 2 of 3 nodes are ALIVE. ray-big waits: 10.0.0.1:6379 no route.",
      moment([HEAD, GPU, WAITS], {}, [led(1, 187_200, 3)]),
    ],
    [
      "ray-cpu leads, epoch 3. 1 of 2 nodes is ALIVE. ray-gpu is restarting: Ray ended by itself (signal SIGKILL).",
      moment([HEAD, KILLED]),
    ],
    ["ray-cpu leads, epoch 3. Both nodes are ALIVE.", moment([HEAD, GPU])],
    ["ray-cpu leads, epoch 3. All 3 nodes are ALIVE.", moment([HEAD, GPU, node("x")])],
    [
      "ray-cpu leads, epoch 3. The only node is ALIVE. 7 more are not listed.",
      moment([HEAD], { omitted: 7 }),
    ],
    [
      "No HEAD yet: ray-cpu, epoch 3, is starting. The only node is not ALIVE. ray-cpu is starting.",
      moment([node("ray-cpu", { role: "head", state: "starting" })]),
    ],
    [
      "No HEAD yet: ray-cpu, epoch 3, waits. The only node is not ALIVE. ray-cpu waits: for a HEAD.",
      moment([node("ray-cpu", { state: "waiting-for-head" }, { waits: FOR_A_HEAD })]),
    ],
    [
      "No HEAD: ray-cpu, epoch 3, has been silent for 7 s. 1 of 2 nodes is ALIVE. ray-cpu is silent: no report; it was last ALIVE.",
      moment([{ ...HEAD, silent: true, seenAgo: 7 }, GPU]),
    ],
    [
      "No HEAD for 12 s: ray-cpu, which led under epoch 3, is lost. The only node is ALIVE.",
      moment([GPU], { holder: holder({ expiresIn: 0, endedFor: 12 }) }),
    ],
    [
      "No HEAD for 12 s: ray-cpu, which led under epoch 3, stopped and may come back. No node reports.",
      moment([], { holder: holder({ expiresIn: 0, endedFor: 12, returning: true }) }),
    ],
    [
      "No HEAD for 4 s: ray-cpu gave the head lease back. No node reports.",
      moment([], { holder: null, releasedBy: { node: "ray-cpu", address: "a:1", ago: 4 } }),
    ],
    ["No HEAD yet. No node reports.", moment([], { holder: null, epoch: 0 })],
    [
      "ray-cpu leads since 2 d 4 h, without a lease. The only node is ALIVE.",
      moment([HEAD], { holder: null, epoch: 0 }),
    ],
    [
      "ray-cpu leads, epoch 3. 1 of 4 nodes is ALIVE. a1 is deciding. a2 is deciding. 1 more is not well.",
      moment([HEAD, ...["a3", "a2", "a1"].map((name) => node(name, { role: null, state: "deciding" }))]),
    ],
  ])("%s", (words, of) => expect(said(of)).toBe(words));

  test("the times that go on are no news", () => {
    const of = moment([HEAD], {}, [led(1, 60, 3)]);
    const later = { ...of, nowMs: NOW + 5000 };
    expect(said(later)).not.toBe(said(of));
    expect(sentenceOf(later).news).toBe(sentenceOf(of).news);
  });
});

describe("a row", () => {
  test("has the HEAD first, then who is not well, then all others by name", () => {
    const names = rowsOf(moment([node("n10"), node("n9"), WAITS, HEAD])).map(({ name }) => name);
    expect(names).toEqual(["ray-cpu", "ray-big", "n9", "n10"]);
  });

  test.each<[string, NodeView, object]>([
    ["a silent one", { ...GPU, silent: true, seenAgo: 8 }, { state: "silent", sinceMs: AGO(8) }],
    [
      "one that failed",
      node("x", { state: "stopped" }, { failure: { reason: "disk-full", exitCode: 74 } }),
      { state: "failed", tone: "bad", why: "disk-full" },
    ],
    [
      "one that was stopped",
      node("x", { state: "stopped" }),
      { state: "stopped", tone: "off", why: undefined },
    ],
    [
      "one that is ALIVE again",
      { ...KILLED, state: "watching" },
      {
        state: "ALIVE",
        why: expect.stringContaining("last: Ray ended by itself (signal SIGKILL) (20"),
        restarts: 1,
      },
    ],
    [
      "one that nobody reaches",
      node(
        "x",
        {},
        { reach: { result: "refused", at: "x:1" }, dialled: [{ port: 20001, result: "refused" }] },
      ),
      { why: "not reached at x:1: refused", reach: { text: "20001 refused", tone: "bad" } },
    ],
    [
      "one that waits for another",
      node("x", { state: "deciding" }, { waits: { kind: "lease-holder", node: "ray-cpu", since: NOW } }),
      { why: "for ray-cpu, which holds the head lease, to serve" },
    ],
    [
      "one whose HEAD is gone",
      node(
        "x",
        {},
        {
          waits: { kind: "takeover", node: "ray-cpu", since: NOW },
          heads: [{ address: "a:1", answer: "refused" }],
        },
      ),
      { state: "waits", tone: "busy", why: "for ray-cpu to come back; a:1 refuses connections" },
    ],
    [
      "what Ray counts",
      node(
        "x",
        {},
        {
          ...{ ray: "2.60.0", python: "3.12", image: "rayproject/ray:2.60.0", interface: "data0" },
          alive: { address: "10.7.0.2", cpus: 8, gpus: 1, memory: 2 ** 34, objectStore: 1 },
        },
      ),
      {
        ...{
          resources: ["8 CPU", "1 GPU", "16 GiB"],
          versions: "Ray 2.60.0, Python 3.12, rayproject/ray:2.60.0",
        },
        ...{ address: "10.7.0.2", card: "data0" },
      },
    ],
    [
      "one of another version, which says little",
      { ...GPU, status: undefined },
      { state: "ALIVE", resources: [] },
    ],
  ])("shows %s", (_, of, shown) => expect(rowsOf(moment([of]))[0]).toMatchObject(shown));
});

test("epochs: who led from when to when, and for how long nobody did", () => {
  const takeover = { node: "ray-gpu", why: "takeover", before: "ray-cpu", headlessS: 31 } as const;
  const events = [led(1, 100, 1), led(2, 40, 2, takeover)];
  const gpu = holder({ node: "ray-gpu", epoch: 2 });
  expect(reignsOf(moment([], { holder: gpu }, events))).toMatchObject([
    { epoch: 1, fromMs: AGO(100), toMs: AGO(71), why: "first start" },
    { epoch: 2, fromMs: AGO(40), toMs: undefined, why: "takeover after ray-cpu", headlessS: 31 },
  ]);
  const ended = { ...gpu, expiresIn: 0, endedFor: 5 };
  expect(reignsOf(moment([], { holder: ended }, events))[1]).toMatchObject({ toMs: AGO(5) });
  const back = {
    id: 3,
    at: AGO(20),
    kind: "gave-back",
    node: "ray-gpu",
    epoch: 2,
    returning: false,
  } as const;
  expect(reignsOf(moment([], { holder: null }, [...events, back]))[1]).toMatchObject({ toMs: AGO(20) });
});

test("what to type next: the trouble first, and no name that a shell reads as more than a word", () => {
  const lines = (...nodes: NodeView[]) => nextOf(moment(nodes)).map(({ type }) => type);
  expect(lines()).toEqual(["./ws up"]);
  expect(lines(HEAD)[0]).toBe("./ws run -- python job.py");
  expect(lines(HEAD, WAITS, KILLED).slice(0, 3)).toEqual([
    ...["./ws logs ray-gpu", "./ws logs ray-big", "./ws doctor"],
  ]);
  for (const name of ["x;rm", "--json"]) expect(lines(HEAD, { ...KILLED, name })[0]).toBe("./ws doctor");
});

test.each([
  [0, "0 s"],
  [12_999, "12 s"],
  [250_000, "4 min 10 s"],
  [3_600_000, "1 h"],
  [187_200_000, "2 d 4 h"],
])("%d ms are %s", (ms, words) => expect(span(ms)).toBe(words));

test("an event in words; one of a kind that this page does not know is its kind", () => {
  expect(eventWords(led(1, 0, 2, { why: "takeover", before: "a", headlessS: 31 }))).toBe(
    "leads under epoch 2: took over after a, 31 s without a HEAD",
  );
  const restarted = { ...{ id: 1, at: 0, node: "a", restarts: 0 }, kind: "restarted" } as const;
  expect(eventWords({ ...restarted, reason: "new-process" })).toBe("was started again");
  expect(eventWords({ ...restarted, reason: "raylet-gone", restarts: 2 })).toBe(
    "restarted Ray (2): raylet-gone",
  );
  expect(eventWords({ ...{ id: 1, at: 0, node: "a" }, kind: "removed", by: "itself" })).toBe("has left");
  expect(eventWords({ kind: "eaten" } as unknown as ClusterEvent)).toBe("eaten");
});
