import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { rayNamesIn } from "./session-processes.ts";

const SLEEP = ["-e", "setTimeout(() => {}, 60_000)", "--"];
const running: number[] = [];
afterEach(() => {
  for (const pid of running.splice(0)) process.kill(pid, "SIGKILL");
});

async function sessionOf(...words: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...SLEEP, ...words], { detached: true, stdio: "ignore" });
  await once(child, "spawn");
  running.push(child.pid ?? 0);
  return child.pid ?? 0;
}

test("C3 a HEAD's GCS is known as soon as any of its processes names it, before there is a raylet", async () => {
  const other = await sessionOf("--gcs-address=10.0.0.9:6379");
  const own = await sessionOf("monitor.py", "--gcs-address=10.0.0.1:6379");
  expect(rayNamesIn(own)).toEqual({ gcs: { host: "10.0.0.1", port: 6379 }, raylet: undefined });
  expect(rayNamesIn(other).gcs?.host).toBe("10.0.0.9");
  expect(rayNamesIn(await sessionOf())).toEqual({ gcs: undefined, raylet: undefined });
});
