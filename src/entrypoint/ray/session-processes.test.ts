import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { until } from "../../../test/fixtures/until.ts";
import { processNamed, rayNamesIn } from "./session-processes.ts";

const SLEEP = ["-e", "setTimeout(() => {}, 60_000)", "--"];
const running: number[] = [];
afterEach(() => {
  for (const pid of running.splice(0)) process.kill(pid, "SIGKILL");
});

const sessionOf = (...words: readonly string[]) => lead(process.execPath, ...SLEEP, ...words);

/** Starts this program as the leader of a session. */
async function lead(program: string, ...words: readonly string[]): Promise<number> {
  const child = spawn(program, words, { detached: true, stdio: "ignore" });
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

test("a raylet has ended alone only while `ray start` lives: where both ended, the exit code of `ray start` says more", async () => {
  const raylet = `"$0" -e 'require("fs").writeFileSync("/proc/self/comm", "raylet"); setTimeout(() => {}, 60_000)' -- --node_id=ab12`;
  const start = await lead("sh", "-c", `${raylet} & wait; sleep 60`, process.execPath);
  const seen = await until("the raylet", () => rayNamesIn(start).raylet);
  expect(seen.endedAlone()).toBe(false);
  process.kill(processNamed(start, "raylet") ?? 0, "SIGKILL");
  await until("its end", () => seen.endedAlone());
  const sleep = await until("the next of its children", () => processNamed(start, "sleep"));
  running.push(sleep);
  process.kill(start, "SIGKILL");
  await until("both ends", () => !seen.endedAlone());
  running.splice(running.indexOf(start), 1);
});
