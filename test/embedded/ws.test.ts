import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { probeGcs } from "../../src/gcs/probe.ts";
import { EmbeddedWs } from "../fixtures/cluster/embedded-ws.ts";
import { JOB, writeJob } from "../fixtures/job.ts";

const cluster = new EmbeddedWs();
const { folder } = cluster;
const ws = (...words: string[]) => cluster.ws(words);

const processesOfOurs = (): string[] =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(folder);
    } catch {
      return false;
    }
  });

test("up brings the specification's cluster, and the same command again changes nothing", async () => {
  const up = await ws("up");
  expect(up.code, up.text).toBe(0);
  expect(up.text).toContain("✓ The cluster is up. 2 nodes ALIVE, 8 CPUs: ray-cpu (HEAD), ray-gpu (WORKER)");

  const again = await ws("up");
  expect(again.code, again.text).toBe(0);
  expect(again.text).toContain("nothing was changed");
  const third = await ws("up", "--json");
  expect(JSON.parse(third.out)).toMatchObject({
    started: [],
    runtime: "embedded",
    head: { node: "ray-cpu" },
  });

  const ps = await ws("ps", "--json");
  const { services } = JSON.parse(ps.out);
  expect(services.map((each: { name: string; role: string }) => [each.name, each.role])).toEqual([
    ["health", "health"],
    ["ray-cpu", "head"],
    ["ray-gpu", "worker"],
  ]);
});

test("its token is on, and a shell that reads ws env uses the cluster", async () => {
  expect((await probeGcs(cluster.headAddress, { token: null, timeoutMs: 5000 })).kind).toBe("unauthorized");
  const { out } = await ws("env");
  const shell = (env: string) =>
    spawnSync("sh", ["-c", `${env}\nray job list`], {
      env: { PATH: `${cluster.binDir}:${process.env.PATH}`, HOME: folder, RAY_AUTH_TOKEN: "of another" },
      encoding: "utf8",
    });
  const used = shell(out);
  expect(used.status, used.stderr).toBe(0);
  expect(shell(out.replaceAll(/.*RAY_AUTH.*\n/g, "")).status).not.toBe(0);
});

test("run hands a job its files and the token, follows it, and ends with its exit code", async () => {
  const job = await ws("run", "--json", "--working-dir", writeJob(folder), "--", ...JOB);
  expect(job.code, job.text).toBe(3);
  expect(job.text).toContain("in the job: 4 of the caller's");
  expect(JSON.parse(job.out)).toEqual({ job: expect.stringMatching(/^ws-/), status: "FAILED", exitCode: 3 });

  const alone = await ws("run", "--json", "--no-wait", "--working-dir", writeJob(folder), "--", ...JOB);
  expect(alone.code, alone.text).toBe(0);
  const { job: id } = JSON.parse(alone.out);
  const words = ["shell", "ray-gpu", "--", "sh", "-c", `ray job logs --follow ${id}; exit 7`];
  const shell = await ws(...words);
  expect(shell.code, shell.text).toBe(7);
  expect(shell.out).toContain("in the job: 4 of the caller's");
});

test("Ctrl-C in run has Ray stop the job", async () => {
  const words = ["run", "--json", "--working-dir", writeJob(folder), "--", ...JOB, "--stay"];
  const running = cluster.start(words);
  await running.says("in the job: 4 of the caller's", 60_000);
  running.signal("SIGINT");
  expect(await running.exit(60_000), running.text).toBe(130);
  expect(JSON.parse(running.stdout)).toMatchObject({ status: "STOPPED" });
});

test("down leaves nothing, and twice is fine", async () => {
  const down = await ws("down");
  expect(down.code, down.text).toBe(0);
  expect(processesOfOurs()).toEqual([]);

  const again = await ws("down");
  expect(again.code, again.text).toBe(0);
  expect(again.text).toContain("Nothing was running");
  expect(existsSync(join(folder, "state/embedded/state.json"))).toBe(false);
});
