import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eachRig } from "../fixtures/each-rig.ts";
import { lives } from "../fixtures/rig.ts";
import { until } from "../fixtures/until.ts";

const SESSION = "session_2026-01-01_1";

const rig = eachRig();

test("B6 two containers that mount one folder: the session of the living one stays, until its Ray is dead", async () => {
  await rig.health();
  const temp = join(rig.folder, "shared");
  const session = join(temp, "ray", SESSION);
  const cpu = rig.node("ray-cpu", { RAY_TMPDIR: temp });
  await cpu.says("✓ Ray cluster is ready!");
  // No process has it on its command line, as if its Ray were in another container.
  mkdirSync(session, { recursive: true });

  const gpu = rig.node("ray-gpu", { RAY_TMPDIR: temp });
  await gpu.says("✓ Ray worker successfully joined the cluster!");
  expect(existsSync(session)).toBe(true);
  expect(gpu.stdout).toContain(`another node's Ray uses ${temp}/ray as well`);
  expect(gpu.stdout).toContain("→ Mount a separate folder there for each container");

  // Even if the supervisor is killed, the lock lasts until the guard has killed Ray.
  gpu.signal("SIGKILL");
  cpu.signal("SIGKILL");
  await until("the end of Ray", () => rig.rays.runs.every(({ started }) => !lives(started.pid)));
  await until("a start that finds the folder free", async () => {
    const next = rig.node("ray-cpu", { RAY_TMPDIR: temp });
    await next.says("✓ Ray cluster is ready!");
    const moved = !existsSync(session);
    next.signal("SIGKILL");
    await next.exit();
    return moved;
  });
  expect(readdirSync(join(temp, "ray", "old-sessions"))).toEqual([SESSION]);
});
