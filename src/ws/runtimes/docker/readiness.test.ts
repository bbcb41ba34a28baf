import { describe, expect, test } from "vitest";
import type { NodeInfo } from "../../../gcs/client.ts";
import type { Container } from "./containers.ts";
import { judgeService, type Look } from "./readiness.ts";

const container = (change: Partial<Container> = {}): Container => ({
  id: "a",
  imageId: "sha256:0",
  configHash: undefined,
  folder: undefined,
  headPort: undefined,
  name: "p-ray-gpu",
  service: "ray-gpu",
  part: "main",
  hostname: "ray-gpu",
  status: "running",
  running: true,
  health: "starting",
  exitCode: 0,
  outOfMemory: false,
  error: "",
  startedAt: "2026-01-01T00:00:00Z",
  pid: 1,
  restarts: 0,
  addresses: ["172.28.0.4"],
  ...change,
});

const node = (nodeId: string, alive = true): NodeInfo => ({
  nodeId,
  name: "ray-gpu",
  hostname: "ray-gpu",
  address: "ray-gpu",
  port: 1,
  alive,
  isHead: false,
  resources: {},
  agentPort: 0,
  startedAtMs: 0,
});

const view = (...nodes: NodeInfo[]) => ({
  head: {
    kind: "ray-gcs",
    address: { host: "127.0.0.1", port: 6379 },
    ms: 1,
    version: "2.60.0",
    clusterId: "ab",
  } as const,
  nodes,
});

const look = (change: Partial<Look> = {}): Look => ({
  service: "ray-gpu",
  now: container(),
  before: undefined,
  composed: true,
  view: view(node("1")),
  former: new Set(),
  ran: false,
  healthAnswer: { ok: true },
  clientWord: undefined,
  ...change,
});

const same = { now: container(), before: container() };
const exited = { status: "exited", running: false } as const;

describe("a service is ready, not yet ready, or ended", () => {
  test.each<[string, Partial<Look>, object]>([
    ["listed as ALIVE", {}, { ready: "WORKER, ALIVE" }],
    ["listed by no GCS", { view: undefined }, { notYet: "no GCS answers yet" }],
    ["listed as DEAD", { view: view(node("1", false)) }, { notYet: "the GCS lists it as DEAD" }],
    ["no container", { now: undefined }, { notYet: "its container does not exist yet" }],
    [
      "D15 no container any more, where there was one",
      { now: undefined, ran: true },
      { ended: "its container was removed meanwhile" },
    ],
    [
      "created only",
      { now: container({ status: "created", running: false }) },
      { notYet: "its container is created" },
    ],
    ["the node of an earlier life", { former: new Set(["1"]) }, { notYet: "the GCS does not list it yet" }],
    [
      "unchanged, and known to the GCS before",
      { ...same, former: new Set(["1"]) },
      { ready: "WORKER, ALIVE" },
    ],
    [
      "unchanged, while compose is at work",
      { ...same, composed: false },
      { notYet: "compose has not come to it yet" },
    ],
    [
      "exited before, not started again yet",
      { now: container(exited), before: container(exited) },
      { notYet: "its container is exited, not started again yet" },
    ],
    ["a health service that answers", { service: "health", view: undefined }, { ready: "200 OK" }],
    ["a client without a word", { service: "test-ray-client" }, { notYet: "it has not connected yet" }],
  ])("%s", (_, change, expected) => {
    expect(judgeService(look(change))).toEqual(expected);
  });

  test.each<[string, Partial<Container>, string]>([
    ["an exit", { ...exited, exitCode: 78 }, "exit code 78"],
    ["a restart by its policy", { restarts: 1, exitCode: 75 }, "exit code 75, restarted 1 times"],
    ["out of memory", { ...exited, exitCode: 137, outOfMemory: true }, "out of memory (exit code 137)"],
    [
      "the engine's no",
      { status: "created", running: false, error: "no such device" },
      "the engine could not start it: no such device",
    ],
  ])("%s is an end", (_, change, how) => {
    expect(judgeService(look({ now: container(change) }))).toMatchObject({ ended: how });
  });

  test("a restart of long ago is none of this start's", () => {
    const old = container({ restarts: 3 });
    expect(judgeService(look({ now: old, before: old }))).toEqual({ ready: "WORKER, ALIVE" });
  });
});
