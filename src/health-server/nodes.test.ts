import { describe, expect, test } from "vitest";
import type { NodeReport } from "../common/lease-protocol.ts";
import { newborn } from "../entrypoint/node-status.ts";
import { NodeTable } from "./nodes.ts";

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

const table = (now = () => performance.now()) =>
  new NodeTable({ forgetAfterMs: 45_000, sameNameAfterMs: 5000, now });

test("the list of as many nodes as are taken stays within 1 MiB", () => {
  const nodes = table();
  let taken = 0;
  while (taken < 20_000 && nodes.note(`ray-worker-${taken}.example.org`, report, PEER) === "noted")
    taken += 1;
  expect(taken).toBe(2000);
  expect(JSON.stringify(nodes.list()).length).toBeLessThan(MIB);
});

test("with more nodes than that has room for, the list leaves out what each says in detail", () => {
  const nodes = table();
  const status = newborn("ray-worker", "1.0.0", 1_800_000_000_000);
  for (let i = 0; i < 1000; i++) nodes.note(`ray-worker-${i}`, { ...report, status }, PEER);
  expect(nodes.list()[0]?.status).toEqual(status);
  expect(JSON.stringify(nodes.list()).length).toBeLessThan(MIB);
  nodes.note("ray-worker-1000", { ...report, status }, PEER);
  expect(nodes.list()[0]).not.toHaveProperty("status");
});

test("a report is found for the very life that gave it, and from where it gave it", () => {
  const nodes = table();
  nodes.note("cpu", report, PEER);
  expect(nodes.find("CPU", report.life, PEER)).toEqual(report);
  expect(nodes.find("cpu", "another", PEER)).toBeNull();
  expect(nodes.find("cpu", report.life, "10.0.0.8")).toBeNull();
});

describe("A1 two living nodes of one name", () => {
  const say = (nodes: NodeTable, life: string, holder?: string) =>
    nodes.note("cpu", { ...report, life }, PEER, holder);

  test("if neither leads, the older one keeps the name", () => {
    const nodes = table();
    expect([say(nodes, "elder"), say(nodes, "younger"), say(nodes, "elder")]).toEqual([
      "noted",
      "noted",
      "noted",
    ]);
    expect(say(nodes, "elder")).toBe("noted");
    expect(say(nodes, "younger")).toBe("duplicate-name");
    expect(nodes.hasRival("cpu")).toBe(true);
  });

  test("the holder of the lease keeps the name, also when the older one returns after a network cut", () => {
    const nodes = table();
    say(nodes, "elder");
    expect([say(nodes, "younger", "younger"), say(nodes, "elder", "younger")]).toEqual(["noted", "noted"]);
    expect(say(nodes, "elder", "younger")).toBe("duplicate-name");
    expect(say(nodes, "younger", "younger")).toBe("noted");
    expect(nodes.hasRival("cpu")).toBe(true);
  });

  test("a refused one gets the name when it holds the lease, or when the other is silent", () => {
    let nowMs = 0;
    const nodes = table(() => nowMs);
    for (const life of ["elder", "younger", "elder", "elder"]) say(nodes, life);
    expect(say(nodes, "younger", "elder")).toBe("duplicate-name");
    expect(say(nodes, "younger", "younger")).toBe("noted");
    nowMs += 4999;
    expect(say(nodes, "elder")).toBe("duplicate-name");
    nowMs += 1;
    expect(say(nodes, "elder")).toBe("noted");
  });
});
