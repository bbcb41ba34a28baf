import { expect, test } from "vitest";
import { kill } from "../fixtures/cluster/tagged.ts";
import { EXIT_MS, heals, worksRight } from "./judge.ts";
import { CPU, EXTRA, sharedScene } from "./rig.ts";

/** A HEAD with its dashboard on loses one of the parts that only a HEAD has. */
const scene = sharedScene({ names: [CPU, EXTRA], dashboard: true });

test.each([
  ["the dashboard", "dashboard/dashboard.py"],
  ["the log monitor", "log_monitor.py"],
  ["the autoscaler's monitor", "monitor.py --"],
  ["the Ray client server", "ray.util.client.server"],
])("%s is killed: `ray start` ends, and the same HEAD is whole again", async (_, part) => {
  const { before, after } = await heals(scene(), CPU, {
    fault: () => kill(scene().cluster.part(CPU, part).pid, "SIGKILL"),
    says: /✗ Ray ended by itself/,
    withinMs: EXIT_MS,
  });
  expect(after.clusterId).not.toBe(before.clusterId);
});

test("every node computes what is right", () => worksRight(scene()));
