import { describe, expect, test } from "vitest";
import { err, ok } from "../../common/result.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import type { Service } from "../drivers/service.ts";
import { judgeService, type Look } from "./judge.ts";

const service = (change: Partial<Service> = {}): Service => ({
  name: "ray-gpu",
  ref: "a",
  life: "a 1",
  hostname: "ray-gpu",
  running: true,
  active: true,
  status: "running",
  address: "172.28.0.4",
  startedAtMs: 0,
  pid: 1,
  gcs: undefined,
  healthy: false,
  ended: false,
  exit: "exit code 0",
  restarts: 0,
  elsewhere: undefined,
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
  metricsPort: 0,
  startedAtMs: 0,
});

const head = {
  kind: "ray-gcs",
  address: { host: "127.0.0.1", port: 6379 },
  ms: 1,
  version: "2.60.0",
  clusterId: "ab",
} as const;
const view = (...nodes: NodeInfo[]) => ({ view: { head, nodes }, noHead: undefined });
const NOBODY = { view: undefined, noHead: { reason: "nobody" } } as const;

const look = (change: Partial<Look> = {}): Look => ({
  name: "ray-gpu",
  noun: "container",
  now: service(),
  before: undefined,
  started: true,
  gcs: view(node("1")),
  former: new Set(),
  health: ok(undefined),
  clientWord: undefined,
  ...change,
});

const same = { now: service(), before: service() };
const exited = { status: "exited", running: false, ended: true } as const;

describe("a service is ready, not yet ready, or ended", () => {
  test.each<[string, Partial<Look>, object]>([
    ["listed as ALIVE", {}, { ready: "WORKER, ALIVE" }],
    ["listed by no GCS", { gcs: NOBODY }, { notYet: "no GCS answers yet" }],
    [
      "behind a GCS that wants another token",
      { gcs: { view: undefined, noHead: { reason: "wants-token", at: "127.0.0.1:6379" } } },
      { notYet: "the GCS at 127.0.0.1:6379 refuses our token" },
    ],
    ["listed as DEAD", { gcs: view(node("1", false)) }, { notYet: "the GCS lists it as DEAD" }],
    ["not there yet", { now: undefined, started: false }, { notYet: "its turn to start has not come yet" }],
    [
      "D15 no container any more, where there was one",
      { now: undefined },
      { ended: "its container was removed meanwhile" },
    ],
    ["no process any more", { now: undefined, noun: "process" }, { ended: "its process is gone" }],
    [
      "created only",
      { now: service({ status: "created", running: false }) },
      { notYet: "its container is created" },
    ],
    ["the node of an earlier life", { former: new Set(["1"]) }, { notYet: "the GCS does not list it yet" }],
    [
      "the node of an earlier life, in a GCS that kept its state",
      { now: service({ startedAtMs: 200 }), gcs: view({ ...node("1"), startedAtMs: 100 }) },
      { notYet: "the GCS does not list it yet" },
    ],
    [
      "and its present one beside it",
      {
        now: service({ startedAtMs: 200 }),
        gcs: view({ ...node("2", false), startedAtMs: 300 }, { ...node("1"), startedAtMs: 100 }),
      },
      { notYet: "the GCS lists it as DEAD" },
    ],
    [
      "unchanged, and known to the GCS before",
      { ...same, former: new Set(["1"]) },
      { ready: "WORKER, ALIVE" },
    ],
    [
      "unchanged, while others are at their start",
      { ...same, started: false },
      { notYet: "its turn to start has not come yet" },
    ],
    [
      "exited before, not started again yet",
      { now: service(exited), before: service(exited), started: false },
      { notYet: "its turn to start has not come yet" },
    ],
    ["a health service that answers", { now: service({ name: "health" }), gcs: NOBODY }, { ready: "200 OK" }],
    [
      "a health service that does not answer",
      { now: service({ name: "health" }), health: err("connection refused") },
      { notYet: "connection refused" },
    ],
    [
      "a client without a word",
      { now: service({ name: "test-ray-client" }) },
      { notYet: "it has not connected yet" },
    ],
    ["an exit", { now: service({ ...exited, exit: "exit code 78" }) }, { ended: "exit code 78" }],
    [
      "a restart by its policy",
      { now: service({ restarts: 1, exit: "exit code 75, restarted 1 times" }) },
      { ended: "exit code 75, restarted 1 times" },
    ],
    [
      "a restart of long ago, which is none of this start's",
      { now: service({ restarts: 3 }), before: service({ restarts: 3 }) },
      { ready: "WORKER, ALIVE" },
    ],
  ])("%s", (_, change, expected) => {
    expect(judgeService(look(change))).toEqual(expected);
  });
});
