import { expect, test } from "vitest";
import type { NodeReport } from "../common/lease-protocol.ts";
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

const table = () =>
  new NodeTable({ forgetAfterMs: 45_000, sameNameAfterMs: 5000, now: () => performance.now() });

test("the list of as many nodes as are taken stays within 1 MiB", () => {
  const nodes = table();
  let taken = 0;
  while (taken < 20_000 && nodes.note(`ray-worker-${taken}.example.org`, report, PEER) === "noted")
    taken += 1;
  expect(taken).toBe(2000);
  expect(JSON.stringify(nodes.list()).length).toBeLessThan(MIB);
});

test("a report is found for the very life that gave it, and from where it gave it", () => {
  const nodes = table();
  nodes.note("cpu", report, PEER);
  expect(nodes.find("CPU", report.life, PEER)).toEqual(report);
  expect(nodes.find("cpu", "another", PEER)).toBeNull();
  expect(nodes.find("cpu", report.life, "10.0.0.8")).toBeNull();
});
