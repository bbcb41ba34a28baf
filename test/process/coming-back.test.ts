import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eachRig } from "../fixtures/each-rig.ts";

const rig = eachRig();

test("a HEAD that keeps its cluster's state is waited for when it stops, and leads at once when it was killed", async () => {
  const packages = join(rig.folder, "lib/python3.11/dist-packages/ray");
  mkdirSync(packages, { recursive: true });
  writeFileSync(join(packages, "_version.py"), 'version = "2.60.0"\n');
  await rig.health();
  const start = (name: string) => rig.node(name, { RAY_EP_STATE_DIR: join(rig.folder, `state-${name}`) });
  const first = start("ray-cpu");
  await first.says("✓ Ray cluster is ready!");
  const other = start("ray-gpu");
  await other.says("✓ Ray worker successfully joined");

  first.signal("SIGTERM");
  expect(await first.exit()).toBe(0);
  await other.says("ray-cpu (epoch 1), which stopped with the state of its cluster, to come back");
  const second = start("ray-cpu");
  await second.says("→ HEAD: the head lease (epoch 2)");
  await second.says("✓ Ray cluster is ready!");

  second.signal("SIGKILL");
  await second.exit();
  const third = start("ray-cpu");
  await third.says("→ HEAD: the head lease (epoch 3)");
  expect(third.stdout).not.toContain("same-name");
  expect(other.stdout).not.toContain("Mode: head");
});
