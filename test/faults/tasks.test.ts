import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import { until } from "../fixtures/until.ts";
import { EXIT_MS, heals, resultOf } from "./judge.ts";
import { CPU, EXTRA, sharedScene } from "./rig.ts";

/** A job of numbered tasks that Ray may try again, while a node fails under it: every result is right. */
const scene = sharedScene({ names: [CPU, EXTRA] });

/** How often each number was tried. */
function triesIn(file: string): Map<string, number> {
  const tries = new Map<string, number>();
  for (const line of linesOf(file)) {
    const [number = ""] = line.split(" ");
    tries.set(number, (tries.get(number) ?? 0) + 1);
  }
  return tries;
}

const linesOf = (file: string): string[] => readFileSync(file, "utf8").trim().split("\n");

/** Waits until a task has just begun on that node; it will take two seconds. */
async function taskBegins(file: string, nodeId: string): Promise<void> {
  const { length } = linesOf(file);
  const begun = () => linesOf(file).slice(length);
  await until("a task to begin there", () => begun().some((line) => line.endsWith(nodeId)), 30_000);
}

test("tasks run on while a worker's raylet is killed: each result is right and comes once", async () => {
  const { cluster } = scene();
  const file = join(cluster.folder, "tries");
  const driver = cluster.driver(CPU, ["stream", file]);
  await driver.says(/\d\d done on 2 nodes/);
  const nodes = await cluster.gcs(CPU).nodes(2000);
  if (!nodes.ok) throw new Error(`expected a GCS that answers, got ${JSON.stringify(nodes.error)}`);
  const extra = nodes.value.find(({ name, alive }) => name === EXTRA && alive);

  await heals(scene(), EXTRA, {
    fault: async () => {
      const { pid } = cluster.part(EXTRA, "raylet");
      await taskBegins(file, extra?.nodeId ?? "no node");
      kill(pid, "SIGKILL");
    },
    says: /✗ Ray ended by itself/,
    withinMs: EXIT_MS,
  });
  // It works on the node that came back, too.
  await driver.says("done on 3 nodes");

  driver.signal("SIGUSR1");
  const result = await resultOf(driver);
  expect(result.wrong).toEqual([]);
  const tries = triesIn(file);
  expect(tries.size).toBe(result.done);
  expect(Math.max(...tries.values()), "a task that was tried again").toBeGreaterThan(1);
});
