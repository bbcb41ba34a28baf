import { describe, expect, test } from "vitest";
import { DOWN_EVENT, EVENTS, JOINING, reached, WAITS, waiting } from "../../../test/fixtures/events.ts";
import { head } from "../../../test/fixtures/facts.ts";
import { EVERY_FAILURE } from "../../../test/fixtures/failures.ts";
import { statusOf } from "../../../test/fixtures/status.ts";
import type { Failure } from "../../common/failure.ts";
import type { ProbeAnswer } from "../../common/probe-result.ts";
import type { Event } from "../../entrypoint/output/event.ts";
import { likelyCause } from "../drivers/causes.ts";
import type { Driver } from "../drivers/driver.ts";
import { describeFailure } from "../failure.ts";
import { causeOf, ended as whyEnded } from "./diagnosis.ts";

const NO_IMAGE = "there is no such image";
const NO_REGISTRY = "this machine does not reach the image's registry";
const SHM = "/dev/shm is too small";

describe("likely causes", () => {
  test.each([
    [
      "Error response from daemon: driver failed programming external connectivity on endpoint p-ray-cpu: Bind for 0.0.0.0:6379 failed: port is already allocated",
      "a port is in use",
    ],
    [
      'Conflict. The container name "/p-ray-cpu" is already in use by container "3f2". You have to remove (or rename) that container',
      "another container has that name",
    ],
    ["write /var/lib/docker/tmp/x: no space left on device", "the disk is full"],
    ["Pool overlaps with other one on this address space", "another network has that subnet"],
    [
      'Error response from daemon: invalid mount config for type "bind": bind source path does not exist: /home/me/.ws/secrets/docker/ray_auth_token',
      "the engine does not see the files of this cluster's tokens",
    ],
    ['could not select device driver "nvidia" with capabilities: [[gpu]]', "the engine can give no GPU"],
    [
      "pull access denied for rayproject/rai, repository does not exist or may require 'docker login'",
      NO_IMAGE,
    ],
    ["manifest for rayproject/ray:2.99.0 not found: manifest unknown: manifest unknown", NO_IMAGE],
    [
      "ERROR: failed to solve: rayproject/ray:2.99.0: failed to resolve source metadata for docker.io/rayproject/ray:2.99.0: docker.io/rayproject/ray:2.99.0: not found",
      NO_IMAGE,
    ],
    [
      'failed to solve: rayproject/ray:latest: failed to resolve source metadata for docker.io/rayproject/ray:latest: failed to do request: Head "https://registry-1.docker.io/v2/rayproject/ray/manifests/latest": dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: no such host',
      NO_REGISTRY,
    ],
    ['Get "https://registry-1.docker.io/v2/": net/http: TLS handshake timeout', NO_REGISTRY],
    [
      "ValueError: The configured object store size (2.576980377 GB) exceeds /dev/shm size (0.067108864 GB). This will harm performance. Consider deleting files in /dev/shm or increasing its size with --shm-size in Docker.",
      SHM,
    ],
    [
      "The object store is using /tmp/ray instead of /dev/shm because /dev/shm has only 67108864 bytes available.",
      SHM,
    ],
    ["OSError: [Errno 28] No space left on device: '/dev/shm/plasma_x'", SHM],
    ["out of memory (exit code 137), restarted 2 times", "there is too little memory"],
    ["OSError: [Errno 12] Cannot allocate memory", "there is too little memory"],
    ["ray._private.auth InvalidAuthToken: Token mismatch", "the nodes have different tokens"],
    ["RuntimeError: Version mismatch: Ray: 2.60.0", "the nodes have different versions of Ray"],
  ])("%s", (line, cause) => {
    expect(likelyCause(["something before", line, "something after"])).toContain(cause);
  });

  test("none where nothing is known", () => expect(likelyCause(["all is well"])).toBeUndefined());
});

const ended = (reason: Failure["reason"]): Event => ({ ...EVENTS.failed, failure: EVERY_FAILURE[reason] });
const cause = (events: readonly Event[], lines: readonly string[] = [], node = "ray-gpu") =>
  causeOf(statusOf(node, events), lines);

describe("why a node ended", () => {
  test.each<[Failure["reason"], string]>([
    ["port-taken", "a port is in use"],
    ["no-such-user", "set RAY_EP_USER"],
    ["wrong-user", "set RAY_EP_USER"],
    ["version-differs", "the nodes have different versions of Ray"],
    ["unauthorized", "the nodes have different tokens"],
  ])("%s, also where it was in an earlier life or only set it back", (reason, expected) => {
    expect(cause([ended(reason)])).toContain(expected);
    expect(cause([{ type: "setback", failure: EVERY_FAILURE[reason] }])).toContain(expected);
  });

  test("what it says itself counts before the words around it, and these before what may be over", () => {
    const full: Event = { ...EVENTS.warning, reason: "disk-full" };
    expect(cause([full])).toContain("the disk is full");
    expect(cause([full, ended("ray-exited")], ["MemoryError"])).toBe("there is too little memory");
    expect(cause([ended("port-taken")], ["MemoryError"])).toContain("a port is in use");
  });

  test("a node that has said nothing of itself: only the words around it", () => {
    expect(causeOf(undefined, ["MemoryError"])).toBe("there is too little memory");
  });
});

describe("why a node is late", () => {
  const sees = (kind: ProbeAnswer): Event => ({
    type: "heads",
    heads: [head("ray-cpu", "ray-cpu:6379", kind)],
  });
  const outside: Event = { ...EVENTS.candidate, place: -1 };
  const unreached: Event = {
    type: "reach-back",
    port: 24000,
    answer: { ok: true, value: { ...reached, result: "refused", to: "test-ray-worker:24000" } },
  };

  test.each<[string, Event[], string]>([
    [
      "a name that is not in the whitelist",
      [outside, sees({ kind: "refused" }), waiting()],
      "its hostname ray-gpu and nodes.head_whitelist (ray-cpu, ray-gpu) differ",
    ],
    [
      "a HEAD behind a firewall",
      [sees({ kind: "timeout", phase: "connect" })],
      "its HEAD ray-cpu:6379 is out of reach",
    ],
    [
      "no route",
      [sees({ kind: "unreachable", code: "EHOSTUNREACH" })],
      "its HEAD ray-cpu:6379 is out of reach",
    ],
    [
      "an unknown name",
      [sees({ kind: "unresolved", code: "ENOTFOUND" })],
      "the name of its HEAD ray-cpu:6379 does not resolve",
    ],
    [
      "a Redis in the HEAD's place",
      [sees({ kind: "not-ray", saw: "it speaks the Redis protocol" })],
      "is no HEAD",
    ],
    ["what listens there and is silent", [sees({ kind: "timeout", phase: "answer" })], "is no HEAD"],
    ["nobody there", [sees({ kind: "refused" }), waiting()], "no HEAD serves at ray-cpu:6379"],
    [
      "a holder of the lease that does not serve",
      [sees({ kind: "refused" }), waiting(WAITS["lease-holder"])],
      "ray-cpu holds the head lease and does not serve",
    ],
    [
      "no health service",
      [DOWN_EVENT, sees({ kind: "refused" })],
      "the health service http://health:8080 does not answer",
    ],
    ["a missing port mapping", [unreached], "the others cannot reach it at test-ray-worker:24000"],
  ])("%s", (_, events, expected) => expect(cause(events)).toContain(expected));

  test("what the engine's words show comes first", () =>
    expect(cause([waiting()], ["The object store exceeds /dev/shm size (0.06 GB)"])).toContain(SHM));

  test("the test worker is outside the whitelist as it should be", () =>
    expect(cause([outside], [], "test-ray-worker")).toBeUndefined());

  test("what a node saw of others before it had its role is over", () => {
    expect(cause([sees({ kind: "unresolved", code: "ENOTFOUND" }), JOINING])).toBeUndefined();
    expect(cause([EVENTS["reach-back"], EVENTS.decision])).toBeUndefined();
  });

  test("stands below the node's last lines", () => {
    const missing = [
      { node: "ray-gpu", why: "the GCS does not list it yet", lines: ["last"], cause: "it sleeps" },
    ];
    const text = describeFailure({ reason: "not-ready-in-time", timeoutMs: 120_000, missing }).lines;
    expect(text.slice(1, 4)).toEqual([
      "  ✗ ray-gpu: the GCS does not list it yet",
      "    last",
      "  → Likely cause: it sleeps",
    ]);
  });
});

test("ws join ends with the code that the node of this machine ended with, which says where the fault is", async () => {
  const status = JSON.stringify({
    ...statusOf("gpu02", []),
    failure: { reason: "not-reached", exitCode: 78 },
  });
  const driver = (cluster?: Driver["cluster"]) =>
    ({
      ...{ absent: () => ({ ref: "c" }), status: async () => status, log: async () => [] },
      ...{ keepLog: async () => "gpu02.log", cluster },
    }) as unknown as Driver;
  const code = async (of: Driver) =>
    describeFailure(await whyEnded(of, "gpu02", "exit code 78", undefined)).code;
  expect(await code(driver(async () => undefined))).toBe(78);
  expect(await code(driver())).toBe(75);
});
