import { expect, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import { EXIT_MS, heals, PROBES_MS, worksRight } from "./judge.ts";
import { CPU, EXTRA, GPU, sharedScene } from "./rig.ts";

/**
 * Deaths of a part of which `ray start` says nothing or too little. The workers come first, in turn: a node that was
 * restarted a moment ago waits before it does so again, and a restarted HEAD restarts them all.
 */
const scene = sharedScene();

/** A raylet that gets TERM tells the GCS first, so that its death may be known there before its process is gone. */
const GOES =
  /✗ (The raylet of this node is gone|The agent of this node|Ray ended by itself|The cluster has declared)/;

async function losesPart(node: string, part: string, signal: NodeJS.Signals): Promise<void> {
  await heals(scene(), node, {
    fault: () => kill(scene().cluster.part(node, part).pid, signal),
    says: signal === "SIGSTOP" ? /✗ The raylet of this node is stopped/ : GOES,
    withinMs: PROBES_MS,
  });
}

test.each([
  ["14", EXTRA, "raylet", "SIGTERM"],
  ["14", GPU, "ray::DashboardAgent", "SIGKILL"],
  ["14", EXTRA, "ray::RuntimeEnvAgent", "SIGKILL"],
  ["15", GPU, "raylet", "SIGSTOP"],
] as const)("row %s: on %s the %s gets %s: noticed and restarted", (_, node, part, signal) =>
  losesPart(node, part, signal),
);

test("row 17: `ray start` is killed: nothing of it is left, and the node is back", async () => {
  const { cluster } = scene();
  const old = cluster.ray(GPU).map(({ life }) => life);
  await heals(scene(), GPU, {
    fault: () => kill(cluster.leader(GPU).pid, "SIGKILL"),
    says: /✗ Ray ended by itself/,
    withinMs: EXIT_MS,
  });
  const lives = cluster.living.map(({ life }) => life);
  expect(old.filter((life) => lives.includes(life))).toEqual([]);
});

test("row 16: somebody types `ray stop` inside a node", async () => {
  // It sends TERM to every process of Ray's but `ray start` (scripts.py, 2.60); here it may only hit this node's.
  const { cluster } = scene();
  await heals(scene(), EXTRA, {
    fault: () => {
      for (const { pid, session } of cluster.ray(EXTRA)) if (pid !== session) kill(pid, "SIGTERM");
    },
    says: GOES,
    withinMs: PROBES_MS,
  });
});

test.each([
  ["14", "raylet", "SIGTERM"],
  ["14", "ray::DashboardAgent", "SIGKILL"],
  ["15", "raylet", "SIGSTOP"],
] as const)("row %s: on the HEAD the %s gets %s: noticed and restarted", (_, part, signal) =>
  losesPart(CPU, part, signal),
);

test("every node still computes what is right", () => worksRight(scene()));
