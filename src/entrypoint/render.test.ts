import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CLUSTER_ID,
  DOWN,
  EVERY_SIGHTING,
  GCS,
  granted,
  head,
  holder,
  leaseHealth,
  PLAIN,
  refusal,
  sighting,
} from "../../test/fixtures/facts.ts";
import { EVERY_FAILURE } from "../../test/fixtures/failures.ts";
import { expectVisible, outsideText, saying } from "../../test/fixtures/outside.ts";
import { createLogger } from "../common/logger.ts";
import type { RayGcs } from "../common/sighting.ts";
import type { WaitReason } from "./decide/decision.ts";
import type { Event } from "./event.ts";
import type { HealthFact } from "./facts.ts";
import { render } from "./render.ts";
import type { Fault } from "./verdict.ts";

type OneOfEach<U extends { [K in T]: string }, T extends "type" | "kind"> = {
  readonly [N in U[T]]: U & { readonly [K in T]: N };
};

const address = { host: "ray-cpu", port: 6379 };
const explicit = { address, variable: "HEAD_ADDRESS", isThisNode: false } as const;
const reached = {
  result: "reached",
  message: "reached",
  from: "172.28.0.2",
  to: "ray-cpu:1",
  address: null,
} as const;

/** One event of each type; a new type without one is a compile error. */
const EVENTS: OneOfEach<Event, "type"> = {
  started: { type: "started", version: "1.0.0", node: "ray-cpu", pid: 7 },
  candidate: {
    type: "candidate",
    node: "ray-gpu",
    calledItself: "ray-gpu",
    alike: [],
    whitelist: ["ray-cpu", "ray-gpu"],
    place: 1,
    nearest: null,
  },
  "own-interface": { type: "own-interface", name: "data0", address: "10.77.0.1" },
  "ray-auth": { type: "ray-auth", mode: "token", reason: "token-found", version: "2.60.0", open: false },
  said: { type: "said", by: "ray", line: "Ray runtime started." },
  misspelt: { type: "misspelt", name: "RAY_EP_USR", nearest: "RAY_EP_USER" },
  "explicit-head": { type: "explicit-head", explicit },
  health: { type: "health", url: "http://health:8080", fact: leaseHealth() },
  heads: { type: "heads", heads: [head("ray-cpu", "ray-cpu:6379", GCS)] },
  lease: { type: "lease", fact: granted(4) },
  "unlisted-holder": { type: "unlisted-holder", node: "gpu-2", address: "gpu-2:6379" },
  "state-of-cluster": { type: "state-of-cluster", from: "ab".repeat(28), to: CLUSTER_ID },
  "stepped-aside": { type: "stepped-aside" },
  decision: { type: "decision", decision: { role: "head", rule: "3-head-lease", epoch: 4 } },
  installing: { type: "installing", file: "/pip-requirements/a.txt" },
  starting: { type: "starting", role: "head", command: ["ray", "start", "--head"] },
  ready: {
    type: "ready",
    role: "head",
    address,
    version: "2.60.0",
    clusterId: CLUSTER_ID,
    nodeId: "ab".repeat(28),
    resources: { CPU: 4, GPU: 1, memory: 8 * 2 ** 30 },
    tookMs: 9876,
  },
  "head-out-of-reach": { type: "head-out-of-reach", head: address, cause: "timeout" },
  trouble: { type: "trouble", trouble: { kind: "agent-gone" } },
  setback: { type: "setback", failure: EVERY_FAILURE["not-ready-in-time"] },
  state: {
    type: "state",
    from: "ready",
    to: "restarting",
    step: { kind: "restart", delayMs: 1000, restarts: 2 },
  },
  "sessions-put-aside": { type: "sessions-put-aside", folder: "/tmp/ray", names: ["session_1"] },
  "reach-back": { type: "reach-back", port: 20001, answer: { ok: true, value: reached } },
  warning: { type: "warning", what: "memory is short", fix: "Give it more." },
  guard: { type: "guard", cause: "/bin/bash ended with SIGKILL" },
  "lease-renewal": { type: "lease-renewal", ok: false, cause: "Head lease not renewed: late" },
  stopping: { type: "stopping", signal: "SIGTERM", urgent: false },
  drained: { type: "drained", how: "drained", tookMs: 1200 },
  cleared: { type: "cleared", processes: 3, clear: true },
  stopped: { type: "stopped", signal: "SIGTERM", tookMs: 2000 },
  failed: { type: "failed", failure: EVERY_FAILURE["no-head-in-time"], exitCode: 75 },
};

const TROUBLES: OneOfEach<Fault, "kind"> = {
  "head-restarted": { kind: "head-restarted", from: "11".repeat(28), to: "22".repeat(28) },
  "declared-dead": { kind: "declared-dead" },
  "gcs-hangs": { kind: "gcs-hangs", cause: "timeout" },
  "raylet-gone": { kind: "raylet-gone" },
  "raylet-stopped": { kind: "raylet-stopped" },
  "agent-gone": { kind: "agent-gone" },
  "agent-unwell": { kind: "agent-unwell" },
  superseded: { kind: "superseded", by: "ray-gpu", epoch: 5 },
  "head-lost-in-start": { kind: "head-lost-in-start", cause: "unavailable" },
  outranked: {
    kind: "outranked",
    node: "ray-cpu",
    address: { host: "ray-cpu", port: 6379 },
    epoch: 3,
    ownEpoch: 0,
  },
  "guard-lost": { kind: "guard-lost", cause: "/bin/bash ended with SIGKILL" },
  "lease-lost": { kind: "lease-lost", forMs: 10_000 },
  "ray-exited": { kind: "ray-exited", exit: "exit code 3" },
};

const WAITS: OneOfEach<WaitReason, "kind"> = {
  head: { kind: "head", addresses: [address] },
  "lease-holder": { kind: "lease-holder", node: "ray-cpu", address: "ray-cpu:6379", epoch: 4 },
  lease: { kind: "lease", reason: "quiet-period", message: "it has just started" },
  takeover: { kind: "takeover", node: "ray-cpu", epoch: 4, remainingMs: 20_000 },
  "second-look": { kind: "second-look", remainingMs: 10_000, place: 2 },
};

const words = (event: Event): string => render(event).join("\n");
const healthWords = (fact: HealthFact) => words({ type: "health", url: "http://health:8080", fact });

describe("no case is forgotten", () => {
  test.each(Object.entries(EVENTS))("%s: each line has its mark, or hangs from one that has", (_, event) => {
    const lines = render(event);
    for (const line of lines) expect(line).toMatch(/^(?:\s*[✓✗→] \S| {2}\S|Mode: |ray \| \S)/);
    expect(lines.join("\n")).not.toMatch(/undefined|null|NaN|\[object/);
  });

  test.each(Object.entries(TROUBLES))("trouble: %s", (_, trouble) => {
    expect(words({ type: "trouble", trouble })).toMatch(/^✗ \S/);
  });

  test.each(Object.entries(WAITS))("wait: %s", (_, waitingFor) => {
    const decision = { role: "wait", rule: "3-head-lease", waitingFor, retryMs: 500 } as const;
    expect(words({ type: "decision", decision })).toMatch(/^→ Waiting: \S/);
  });

  test.each(Object.values(EVERY_FAILURE))("failed: $reason; the last line names the exit code", (failure) => {
    expect(render({ type: "failed", failure, exitCode: 78 }).at(-1)).toMatch(/^✗ Exit code 78/);
  });
});

describe("the words of the specification", () => {
  test("a candidate", () => {
    expect(words(EVENTS.candidate)).toBe(
      "✓ Node is in head whitelist: ray-gpu is number 2 of ray-cpu, ray-gpu",
    );
  });

  test("not a candidate, and the name that was probably meant", () => {
    const event = { ...EVENTS.candidate, node: "ray-gpo", place: -1, nearest: "ray-gpu" };
    expect(words(event)).toBe(
      "→ Node is not in head whitelist: ray-gpo is none of ray-cpu, ray-gpu; the nearest name is ray-gpu",
    );
  });

  test("Mode: head and Mode: worker stand alone on a line, with the reason before", () => {
    expect(render(EVENTS.decision)).toEqual(["→ HEAD: the head lease (epoch 4)", "Mode: head"]);
    const living = sighting("ray-cpu:6379", GCS) as RayGcs;
    expect(
      render({ type: "decision", decision: { role: "worker", rule: "3-head-found", head: living } }),
    ).toEqual([
      "→ WORKER: a HEAD is there already; ray-cpu:6379 answers as a Ray GCS 2.60.0, cluster c1c1c1c1 (3 ms)",
      "Mode: worker",
    ]);
  });

  test.each([
    [leaseHealth(), /^✓ Health service is up at http:\/\/health:8080 \(1 ms\); nobody holds the head lease$/],
    [leaseHealth(holder("ray-cpu")), /; ray-cpu holds the head lease, epoch 3$/],
    [PLAIN, /^✓ Health service is up .* the order of the whitelist decides$/],
    [DOWN, /^✗ Health service is down at http:\/\/health:8080 after 3 tries \(1 ms\): connection refused$/],
  ])("the health service: %#", (fact, expected) => expect(healthWords(fact)).toMatch(expected));

  test("ready", () => {
    expect(words(EVENTS.ready)).toMatch(/^✓ Ray cluster is ready! \(9\.9 s\)\n/);
    expect(words({ ...EVENTS.ready, role: "worker" })).toMatch(
      /^✓ Ray worker successfully joined the cluster! /,
    );
    expect(words(EVENTS.ready)).toContain(
      "address ray-cpu:6379, Ray 2.60.0, cluster c1c1c1c1, node abababab",
    );
    expect(words(EVENTS.ready)).toContain("resources 4 CPU, 1 GPU, 8.0 GiB memory");
  });

  test("an explicit HEAD names its variable", () => {
    expect(words(EVENTS["explicit-head"])).toBe("→ HEAD_ADDRESS=ray-cpu:6379 names the HEAD explicitly");
  });
});

test("each address that was asked has its line; only a HEAD gets ✓", () => {
  const heads = EVERY_SIGHTING.map((kind, i) => head(`n${i}`, `n${i}:6379`, kind));
  const lines = render({ type: "heads", heads });
  expect(lines.map((line) => line[0])).toEqual(["✓", ...EVERY_SIGHTING.slice(1).map(() => "→")]);
});

test("a lease that was refused or not answered is told with its reason", () => {
  expect(words({ type: "lease", fact: refusal("held") })).toBe("→ Head lease not granted (held): said held");
  expect(words({ type: "lease", fact: { kind: "no-answer", cause: "late" } })).toBe(
    "✗ Head lease: no answer (late)",
  );
});

/** What the log gets. */
function written(event: Event, form: "text" | "json"): string {
  let text = "";
  const write = (words: string) => {
    text += words;
  };
  createLogger<Event>({ form, write, render, now: () => new Date(0) }).log(event);
  return text;
}

test("B9 foreign text in an event never adds a control character or a line to the log", () => {
  const events: Event[] = [
    ...Object.values(EVENTS),
    ...EVERY_SIGHTING.map((kind) => ({ type: "heads" as const, heads: [head("a", "a:1", kind)] })),
    ...Object.values(EVERY_FAILURE).map((failure) => ({ type: "failed" as const, failure, exitCode: 78 })),
    ...Object.values(TROUBLES).map((trouble) => ({ type: "trouble" as const, trouble })),
    ...[DOWN, PLAIN].map((fact) => ({ type: "health" as const, url: "http://h", fact })),
    { type: "lease", fact: refusal("held", holder("b")) },
    { type: "lease", fact: { kind: "no-answer", cause: "late" } },
  ];
  fc.assert(
    fc.property(fc.constantFrom(...events), outsideText, (event, text) => {
      const lines = render(event).length;
      if (lines > 0) expectVisible(written(saying(event, text), "text"), lines);
      expectVisible(written(saying(event, text), "json"), 1);
    }),
    { numRuns: 2000 },
  );
});
