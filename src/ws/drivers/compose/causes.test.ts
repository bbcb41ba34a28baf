import { describe, expect, test } from "vitest";
import { render } from "../../../entrypoint/render.ts";
import { lateCause } from "../../cluster/late-cause.ts";
import { renderFailure } from "../../render-failure.ts";
import { likelyCause } from "./causes.ts";

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
    ["✗ 0.0.0.0:6379 is taken: another process listens where this HEAD's GCS has to", "a port is in use"],
    ["✗ the disk of /tmp/ray has 12 MiB left, and Ray may not start", "the disk is full"],
    ["write /var/lib/docker/tmp/x: no space left on device", "the disk is full"],
    ["Pool overlaps with other one on this address space", "another network has that subnet"],
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
    [
      "✗ The HEAD at ray-cpu:6379 runs Ray 2.60.0, this node Ray 2.49.2",
      "the nodes have different versions of Ray",
    ],
    [
      "✗ The HEAD at ray-cpu:6379 refuses this node's token: InvalidAuthToken",
      "the nodes have different tokens",
    ],
    [
      "→ Node is not in head whitelist: ray-cpv is none of ray-cpu; the nearest name is ray-cpu",
      "the hostname and nodes.head_whitelist differ",
    ],
  ])("%s", (line, cause) => {
    expect(likelyCause(["something before", line, "something after"])).toContain(cause);
  });

  test("none where nothing is known", () => expect(likelyCause(["all is well"])).toBeUndefined());
});

describe("why a node is late", () => {
  const [born = ""] = render({ type: "started", version: "0.1.0", node: "ray-gpu", pid: 7 });
  const waits = "→ Waiting: for a HEAD at ray-cpu:6379";
  const sees = (what: string) => `→ ray-cpu:6379 ${what} (2000 ms)`;

  test.each<[string, string[], string]>([
    [
      "a name that is far from all of the whitelist",
      [
        "→ Node is not in head whitelist: worker-7 is none of ray-cpu, ray-gpu",
        waits,
        sees("refuses connections: nothing listens there"),
      ],
      "its hostname worker-7 and nodes.head_whitelist (ray-cpu, ray-gpu) differ",
    ],
    [
      "a HEAD behind a firewall",
      [waits, sees("gives no answer to a connection")],
      "its HEAD ray-cpu:6379 is out of reach",
    ],
    [
      "no route",
      [waits, sees("cannot be reached: no route (EHOSTUNREACH)")],
      "its HEAD ray-cpu:6379 is out of reach",
    ],
    [
      "an unknown name",
      [waits, sees("cannot be found: the name does not resolve (ENOTFOUND)")],
      "the name of its HEAD ray-cpu:6379 does not resolve",
    ],
    [
      "a Redis in the HEAD's place",
      [waits, sees("is not a Ray GCS: it speaks the Redis protocol")],
      "is no HEAD",
    ],
    [
      "nobody there",
      [waits, sees("refuses connections: nothing listens there")],
      "no HEAD serves at ray-cpu:6379",
    ],
    [
      "a holder of the lease that does not serve",
      ["→ Waiting: for ray-cpu, which holds the head lease (epoch 3), to serve at ray-cpu:6379"],
      "ray-cpu holds the head lease and does not serve",
    ],
    [
      "no health service",
      ["✗ Health service is down at http://health:8080 after 3 tries: connection refused"],
      "the health service http://health:8080 does not answer",
    ],
    [
      "a missing port mapping",
      ["✗ Others cannot reach this node at test-ray-worker:24000: refused; the HEAD will count it as dead"],
      "the others cannot reach it at test-ray-worker:24000",
    ],
    ["what the engine's words show", [waits, "The object store exceeds /dev/shm size (0.06 GB)"], SHM],
  ])("%s", (_, lines, cause) => {
    expect(lateCause("ray-gpu", [born, ...lines], likelyCause)).toContain(cause);
  });

  test("the test worker is outside the whitelist as it should be", () => {
    const lines = ["→ Node is not in head whitelist: test-ray-worker is none of ray-cpu, ray-gpu"];
    expect(lateCause("test-ray-worker", [born, ...lines], likelyCause)).toBeUndefined();
  });

  test("what a node saw of others before it had its role is over", () => {
    const lines = [born, sees("cannot be found: the name does not resolve (ENOTFOUND)"), "Mode: head"];
    expect(lateCause("ray-gpu", lines, likelyCause)).toBeUndefined();
  });

  test("what an earlier life said is over", () => {
    const lines = [born, sees("gives no answer to a connection"), born, "✓ all is well"];
    expect(lateCause("ray-gpu", lines, likelyCause)).toBeUndefined();
  });

  test("stands below the node's last lines", () => {
    const missing = [
      { node: "ray-gpu", why: "the GCS does not list it yet", lines: ["last"], cause: "it sleeps" },
    ];
    const text = renderFailure({ reason: "not-ready-in-time", timeoutMs: 120_000, missing });
    expect(text.slice(1, 4)).toEqual([
      "  ✗ ray-gpu: the GCS does not list it yet",
      "    last",
      "  → Likely cause: it sleeps",
    ]);
  });
});
