import { beforeEach, describe, expect, test } from "vitest";
import { statusOf } from "../../test/fixtures/status.ts";
import type { NodeReport } from "../common/protocol/report-protocol.ts";
import { Registry } from "./registry.ts";

const PEER = "10.0.0.7";
const MIB = 1024 * 1024;

const report: NodeReport = {
  life: "0b4cb2a5-7f0a-4c8e-9d57-0a4d4b6c0f8e",
  role: "worker",
  state: "waiting-for-head",
  head: "ray-head-of-the-cluster.example.org:6379",
  advertise: "ray-worker-0000.example.org",
  nodeManagerPort: 20_000,
  ports: [20_001, 20_002],
  seen: 123_456,
};

const registry = (now = () => performance.now(), leads = (_name: string, _life: string) => false) =>
  new Registry(45_000, leads, now);

test("the list of as many nodes as are taken stays within 1 MiB", () => {
  const nodes = registry();
  let taken = 0;
  while (taken < 20_000 && nodes.note(`ray-worker-${taken}.example.org`, report, PEER) === "noted")
    taken += 1;
  expect(taken).toBe(2000);
  expect(JSON.stringify(nodes.list()).length).toBeLessThan(MIB);
});

test("with more nodes than it has room for, the list leaves out what each says in detail", () => {
  const nodes = registry();
  const status = statusOf("ray-worker", []);
  for (let i = 0; i < 1000; i++) nodes.note(`ray-worker-${i}`, { ...report, status }, PEER);
  expect(nodes.list()[0]?.status).toEqual(status);
  expect(JSON.stringify(nodes.list()).length).toBeLessThan(MIB);
  nodes.note("ray-worker-1000", { ...report, status }, PEER);
  expect(nodes.list()[0]).not.toHaveProperty("status");
});

test("a report is found for the very life that gave it, and from where it gave it", () => {
  const nodes = registry();
  nodes.note("cpu", report, PEER);
  expect(nodes.find("CPU", report.life, PEER)).toEqual(report);
  expect(nodes.find("cpu", "another", PEER)).toBeUndefined();
  expect(nodes.find("cpu", report.life, "10.0.0.8")).toBeUndefined();
});

describe("A1 who owns a name", () => {
  let nowMs: number;
  let nodes: Registry;
  let leader: string;
  beforeEach(() => {
    nowMs = 0;
    leader = "nobody";
    nodes = registry(
      () => nowMs,
      (name, life) => `${name} ${life}` === leader,
    );
  });
  /** What each life is told that reports under this name, one after the other. */
  const say = (...lives: string[]) => lives.map((life) => nodes.note("cpu", { ...report, life }, PEER));

  test("the older of two that are alive, once it has reported twice since the younger one's first report", () => {
    expect(say("elder", "younger", "elder", "younger", "elder")).toEqual(Array(5).fill("noted"));
    expect(nodes.isDuplicate("CPU")).toBe(true);
    expect([nodes.isDuplicate("CPU", "younger"), nodes.isDuplicate("cpu", "elder")]).toEqual([true, false]);
    expect(say("younger", "elder")).toEqual(["duplicate-name", "noted"]);
    expect(nodes.find("cpu", "younger", PEER)).toBeUndefined();
  });

  test("the next life of a node that restarts, from its first report, though one of the previous life may come after it", () => {
    say("first");
    nowMs += 1000;
    expect(say("second", "first")).toEqual(["noted", "noted"]);
    nowMs += 4999;
    say("second");
    expect(nodes.isDuplicate("cpu")).toBe(false);
    expect(nodes.list()).toMatchObject([{ name: "cpu", seenAgo: 0 }]);
    nowMs += 1;
    say("second");
    expect(say("first", "second", "second", "first").at(-1)).toBe("duplicate-name");
  });

  test("the holder of the lease, also when the older one returns after a network cut", () => {
    say("elder");
    leader = "cpu younger";
    expect(say("younger", "elder", "younger", "younger")).toEqual(Array(4).fill("noted"));
    expect(say("elder", "younger")).toEqual(["duplicate-name", "noted"]);
    expect(nodes.isDuplicate("cpu")).toBe(true);
  });

  test("one that was refused, when it holds the lease or the other one is silent", () => {
    say("elder", "younger", "elder", "elder");
    for (leader of ["cpu elder", "gpu younger"]) expect(say("younger")).toEqual(["duplicate-name"]);
    leader = "cpu younger";
    expect(say("younger", "elder", "younger", "younger", "elder").at(-1)).toBe("duplicate-name");
    nowMs += 4999;
    expect(say("elder")).toEqual(["duplicate-name"]);
    nowMs += 1;
    expect(say("elder")).toEqual(["noted"]);
  });

  test("one of three that are alive, and when it falls silent one of the other two", () => {
    say("a", "b", "c", "a", "b", "c", "a");
    expect(say("b", "c", "a")).toEqual(["duplicate-name", "duplicate-name", "noted"]);
    nowMs += 5000;
    expect(say("c", "b", "c", "c", "b")).toEqual([...Array(4).fill("noted"), "duplicate-name"]);
  });

  test("a duplicate that gave up is forgotten, and so are all but the latest lives of a crash loop", () => {
    say("elder", "younger", "elder", "elder");
    for (let i = 0; i < 100; i++) say(`life-${i}`);
    expect(nodes.isDuplicate("cpu")).toBe(false);
    say("elder", "elder");
    expect(nodes.isDuplicate("cpu")).toBe(true);
    for (let i = 0; i < 23; i++) {
      nowMs += 2000;
      say("elder");
    }
    expect(nodes.isDuplicate("cpu")).toBe(false);
  });
});

test("a name that nobody reports under any more is forgotten", () => {
  let nowMs = 0;
  const nodes = registry(() => nowMs);
  nodes.note("cpu", report, PEER);
  nowMs = 45_001;
  expect([nodes.list(), nodes.find("cpu", report.life, PEER)]).toEqual([[], undefined]);
});
